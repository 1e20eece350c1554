"""The command `clip-api`."""
