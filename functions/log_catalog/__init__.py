"""The log catalogue: daily, and when it is asked for, the tables by which Athena finds each container's logs."""
