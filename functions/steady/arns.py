"""What an ARN ends with."""


def name_of(arn: str) -> str:
    """The last part of an ARN, as the cluster's or service's name; a bare name is itself."""
    return arn.rsplit("/", 1)[-1]


def family_of(task_definition: str) -> str:
    """The family of a task definition's ARN."""
    return name_of(task_definition).split(":")[0]
