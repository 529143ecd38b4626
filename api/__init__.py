"""The API: classifies texts over HTTP and logs every prediction before it is sent."""

__version__ = "0.1.0"
