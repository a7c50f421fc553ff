"""The doctor's reads and commands that differ between kinds of pools: one module a kind."""
