"""Benchmarks of the suite at its limits."""
