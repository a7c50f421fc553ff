"""ENI trunking: how many awsvpc tasks an instance takes whose network interfaces are branches of a trunk."""

# ECS Developer Guide, "Supported instances for increased Amazon ECS container network interfaces": the task limit with
# trunking follows the number of vCPUs in almost every family, from the next lower row. EC2 does not say it.
TASKS_BY_VCPUS = ((64, 120), (16, 60), (8, 40), (4, 20), (2, 10))
OF_ONE_VCPU = 4
# The same page: the 8xlarge and the 12xlarge of Intel's and AMD's sixth generation take more.
SIXTH_GENERATION = ("m6i", "m6a", "c6i", "c6a", "r6i", "r6a")
TASKS_OF_SIXTH = ((48, 120), (32, 90))


def trunk_tasks(instance_type: str, cpu_units: int) -> int:
    """Return how many awsvpc tasks a trunked instance of this type takes, which has so many CPU units (1024 a vCPU).

    >>> trunk_tasks("m5.large", 2048), trunk_tasks("m5.8xlarge", 32768), trunk_tasks("m6id.8xlarge", 32768)
    (10, 60, 90)
    """
    vcpus = cpu_units // 1024
    rows = (*(TASKS_OF_SIXTH if instance_type.startswith(SIXTH_GENERATION) else ()), *TASKS_BY_VCPUS)
    return max((tasks for least, tasks in rows if vcpus >= least), default=OF_ONE_VCPU)
