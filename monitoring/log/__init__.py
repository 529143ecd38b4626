"""The prediction log as monitoring reads it. Its format is described in api/prediction_log/__init__.py."""
