"""`steady doctor`: names what of a cluster does not fit the suite, with the command that mends it."""
