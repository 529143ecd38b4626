"""Statistics as stateless functions of tables and the reference."""
