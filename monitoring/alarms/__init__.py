"""Sequential tests that watch the log for ever, and what they mean."""
