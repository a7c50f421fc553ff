"""`steady report`: show the instance-hours of clusters and what they cost."""
