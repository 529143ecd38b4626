"""The prediction service: answers over HTTP and never forgets an answer."""

__version__ = "0.1.0"
