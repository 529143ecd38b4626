"""Who may send what: host names, tokens, scopes and rate limits."""
