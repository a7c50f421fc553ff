"""The doctor's checks: pure functions from an inspection to findings, one module a subject."""
