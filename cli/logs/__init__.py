"""`steady logs`: finds container logs with Athena."""
