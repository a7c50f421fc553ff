"""What runs on the simulated account: traces of real work, a synthetic day, and those who submit it."""
