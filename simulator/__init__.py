"""The simulated account: a model of AWS on a virtual clock, on which the real handlers run."""
