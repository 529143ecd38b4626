"""Sequential tests on the whole log, and the alerts that they raise."""
