"""Read from SSM which clusters are managed, and their thresholds."""
