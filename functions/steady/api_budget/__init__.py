"""The suite's share of the ECS API: AWS's rate limits, and the turns of the suite's calls."""
