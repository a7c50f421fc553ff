"""The simulated account: a model of the AWS side on a virtual clock, on which the real handlers run."""
