"""Requests and labels in columns, their tally, and their checkpoint."""
