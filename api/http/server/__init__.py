"""Sockets and connections, below HTTP requests."""
