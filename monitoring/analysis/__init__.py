"""Figures for the selected requests."""
