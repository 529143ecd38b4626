"""Figures and notes about the selected requests."""
