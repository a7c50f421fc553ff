"""Task state changes as objects in S3, where a batch launcher waits for them without asking ECS."""
