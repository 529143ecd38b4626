"""The classifier: loading it, asking it, and explaining its answers."""
