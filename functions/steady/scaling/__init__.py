"""Scaling: from a snapshot of a cluster to one decision about its capacity."""
