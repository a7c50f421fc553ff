"""The suite's share of the ECS API: AWS's limits, and whose turn it is."""
