"""Service-out's calls: locate the instances, then drain, deregister and stop."""
