"""ECS: container instances, services, tasks and task definitions; each module holds the calls of one of them."""
