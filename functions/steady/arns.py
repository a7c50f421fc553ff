"""Take the names out of ARNs."""


def name_of(arn: str) -> str:
    """Return the last part of an ARN, the name of the cluster or service; a bare name is returned as it is.

    >>> name_of("arn:aws:ecs:us-east-1:123456789012:service/web/api"), name_of("api")
    ('api', 'api')
    """
    return arn.rsplit("/", 1)[-1]


def group_of(arn: str) -> str:
    """Return the name of the Auto Scaling group of an ARN; a bare name is returned as it is. It may have slashes.

    >>> group_of("arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:0123:autoScalingGroupName/team/web")
    'team/web'
    """
    return arn.rpartition("autoScalingGroupName/")[2]


def family_of(task_definition: str) -> str:
    """Return the family of a task definition's ARN.

    >>> family_of("arn:aws:ecs:us-east-1:123456789012:task-definition/api:7")
    'api'
    """
    return name_of(task_definition).split(":")[0]
