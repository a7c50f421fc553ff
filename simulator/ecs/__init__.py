"""The simulated Amazon ECS on EC2: its state, its scheduler and its API."""
