"""`make demo`: synthetic traffic that raises each alarm of the dashboard."""
