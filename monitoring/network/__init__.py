"""Sockets, connections, host names and proxies, for the page and the alerting service."""
