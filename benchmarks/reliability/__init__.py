"""Measures each promise of the reliability document by the test that breaks it."""
