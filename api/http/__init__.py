"""Everything between a socket and the service: connections, bodies, security, routes and errors."""
