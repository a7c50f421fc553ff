"""What is deployed: one CDK stack a concern."""
