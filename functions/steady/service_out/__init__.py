"""Service-out: the order in which an instance that is about to go is emptied."""
