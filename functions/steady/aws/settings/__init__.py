"""What SSM says: which clusters are managed, and by which thresholds."""
