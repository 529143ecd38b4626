"""Statistics: functions of tables and the reference, without state."""
