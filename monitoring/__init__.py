"""The dashboard: reads the log, compares it with the training profile, and says whether the classifier still works."""
