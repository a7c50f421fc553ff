"""The work on the simulated account: traces of real work, a synthetic day, and the callers that submit it."""
