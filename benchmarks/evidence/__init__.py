"""Measures false-alarm rates and detection delays of the alarms."""
