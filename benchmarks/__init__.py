"""Measurements that print ratios from one run; never part of the tests."""
