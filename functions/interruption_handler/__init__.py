"""Service-out: empty instances that are about to go, one step in each invocation."""
