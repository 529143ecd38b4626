"""The log as files in a folder: group commit, rotation, retention, verification and erasure."""
