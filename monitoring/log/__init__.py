"""The prediction log as monitoring reads it."""
