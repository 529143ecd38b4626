"""The API as the page sees it: client, readiness, model card and explanations."""
