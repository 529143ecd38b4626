"""The sections of the page, one module each. No section imports another."""
