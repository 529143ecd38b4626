"""The log as files in a folder: finding, following and opening them."""
