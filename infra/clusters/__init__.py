"""The clusters and pools that the deployment makes. Each pool has a launch template for its instances."""
