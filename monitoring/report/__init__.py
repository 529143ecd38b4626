"""The page as files: charts, HTML and JSON."""
