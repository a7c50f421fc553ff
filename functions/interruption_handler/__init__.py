"""Service-out: empties an instance that is about to go, one step an invocation."""
