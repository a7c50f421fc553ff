"""The launch queue: what RunTask is asked for is run as soon as there is room, or given up after its deadline."""
