"""Measures the dashboard on long logs."""
