"""The clusters that the deployment makes. Each ECS cluster has one pool, and one launch template for its instances."""
