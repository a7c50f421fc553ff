"""`steady report`: prints what the hours of a cluster cost."""
