"""Benchmarks: what the suite does at its limits, on the simulated account and beside it."""
