"""Access control: host names, tokens, scopes and rate limits."""
