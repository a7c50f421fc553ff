"""The decisions: pure functions from a snapshot of a cluster to what is to be done.

Nothing in this package calls AWS, reads a clock or looks at the environment; `steady.aws` does.
"""
