"""The clusters that the deployment makes: ECS cluster and pool, one to one, all instances from one kind of template."""
