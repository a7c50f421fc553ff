"""What differs between kinds of pools for the doctor: one module a kind."""
