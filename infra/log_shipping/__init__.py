"""From a container's stdout to the log bucket: the log driver, a shipper on each instance, and the aggregators."""
