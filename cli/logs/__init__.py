"""`steady logs`: find container logs with Athena."""
