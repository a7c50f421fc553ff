"""Amazon ECS on EC2: what it holds (state), its scheduler, and its API."""
