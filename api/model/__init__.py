"""The classifier: loading, classification and explanation."""
