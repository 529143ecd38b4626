"""The servers that the API is compared with."""
