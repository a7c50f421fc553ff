"""Keep the log catalogue up to date, daily and on demand: the tables by which Athena finds each container's logs."""
