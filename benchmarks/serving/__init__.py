"""Measures the API beside other model servers."""
