"""Service-out: the order and the times in which an instance that is about to go is emptied."""
