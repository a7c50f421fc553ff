"""Scaling: one decision a cluster, at each tick, and at once when a placement failed or an instance is about to go."""
