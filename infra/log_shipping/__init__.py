"""The way of a line from a container to the log bucket: log driver, shipper on each instance, aggregators."""
