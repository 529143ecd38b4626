"""Requests and labels in columns, and their checkpoint."""
