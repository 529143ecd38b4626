"""Trains the sentiment model: from a CSV file of labelled texts to the model, its card and its profile."""
