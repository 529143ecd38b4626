"""The log as files in a folder: finding, following and reading them."""
