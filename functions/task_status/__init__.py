"""Write task state changes to S3, where a batch launcher waits for them without calling ECS."""
