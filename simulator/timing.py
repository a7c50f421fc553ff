"""How fast, and in which order, the simulated account answers. Each option is one thing that AWS does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Timing:
    """The options of the simulated account's timing. `Timing()` is the lenient account; `Timing.as_aws()` is AWS's.

    Attributes:
        displays_delay: whether a deregistered target is displayed as `draining` until its group's delay has passed,
            although its requests have ended before. The ECS service scheduler waits for the displayed `unused`.
            Source: ELB user guides, "Deregistration delay"; ECS task lifecycle, DEACTIVATING.
        pollers: pollers of an event source mapping, from 1 to 10. Each has its own batching window, and each message
            is received by one of them. None: one poller that receives everything at the end of its window. Source:
            AWS Lambda guide, "Using Lambda with Amazon SQS": five at first.
        cold_start_s: seconds that an invocation waits for a new execution environment if none is idle.
        latency_s: mean seconds of a call. AWS publishes none for ECS: 0.03 to 0.3 is plausible.
        latency_tail: the 99th percentile of the latency divided by its median (log-normal). 0: no tail, each call
            takes from 0.7 to 1.3 times the mean.
        limits: whether ELB, EC2, Auto Scaling, SSM and DynamoDB throttle, too (`simulator.throttling.LIMITS`).
        retry_quota: whether each client has botocore's retry quota of 500 tokens, and its short back-off after errors
            that are not throttling. Source: botocore, `retries/standard.py` and `retries/quota.py`.
        exits: seconds from a task's SIGTERM to its end: a number, or a lowest and a highest of which each task draws
            one. A task definition with its own `exit_s` does not use it.
        ignores_sigterm: the fraction of tasks that run until SIGKILL, at the end of their stop timeout. It holds only
            where `exits` is a pair.
        deprovisioning_s: seconds from the end of a task's containers to STOPPED: the task is in DEPROVISIONING.
            Source: ECS task lifecycle.
        stop_task_waits: whether StopTask sends SIGTERM only once the task's targets are displayed as `unused`, as
            the service scheduler does. Sources disagree about StopTask, so service-out must be right with both.
        boot_tail: the 99th percentile of what a boot takes beyond the shortest one (0.6 of the mean), divided by its
            median (log-normal). 0: a boot takes from 0.8 to 1.3 of the mean. AWS publishes no distribution. Reports:
            26 s to SSH (brevdev/ec2-coldboot-research), 41 s to the registration with ECS (amazon-ecs-agent, issue
            2309), 70 to 100 s to a registered node (karpenter-provider-aws, issues 3102 and 6128), 15 to 20 min with
            some images (kubernetes-sigs/karpenter, issue 357).
        fulfil_s: the lowest and the highest number of seconds from a change until a fleet or a group acts on it,
            evenly drawn. A fleet is `modifying` meanwhile (EC2 User Guide, "Spot Fleet request states": until the
            modification is fully processed). None: a fleet acts after 10 s and is `modifying` for 3, a group acts
            after 5. Source: kubernetes-retired/kube-aws, issue 843: requests 57 s after the change.
        pull_s: mean seconds of the first pull of an image on an instance; a later start finds it in the cache. ECS
            Developer Guide, "Container image pull behavior": 10 to 20 s for larger images.
        start_tail: the 99th percentile of a pull, and of a start, divided by its median (log-normal). 0: from 0.7 to
            1.3 of the mean.
        event_s: mean seconds from an event to its message in a queue. EventBridge: "typically about half a second".
        event_tail: the 99th percentile of it divided by its median (log-normal). 0: from 0.4 to 1.6 of the mean.
        scales_pollers: whether pollers, and concurrency, grow while messages wait: by 300 a minute, to 1,250. Source:
            AWS Lambda guide, "Configuring scaling behavior for SQS event source mappings".
        launches_a_minute: how many tasks ECS launches for one service in a minute; None: any number. Amazon ECS
            endpoints and quotas, "Rate of tasks launched by a service on an Amazon EC2 or External instance": 500.
        backs_off: whether the service scheduler tries ever more seldom. Without room: after 15 s, and each time after
            twice as long, up to 5 min (reports: a second try after 31 s, aws-cdk, issue 14108; a pull 4 min after the
            registration, amazon-ecs-agent, issue 2309; 15 min in 2018, issue 1160). After tasks that do not start: up
            to 27 min (ECS Developer Guide, "Amazon ECS service throttle logic").
        on_demand_short: the fraction of on-demand launches that EC2 refuses for want of capacity, until the pool asks
            again a minute later. AWS publishes none.
    """

    displays_delay: bool = False
    pollers: int | None = None
    cold_start_s: float = 0.0
    latency_s: float = 0.03
    latency_tail: float = 0.0
    limits: bool = False
    retry_quota: bool = False
    exits: float | tuple[float, float] = 2.0
    ignores_sigterm: float = 0.0
    deprovisioning_s: float = 0.0
    stop_task_waits: bool = False
    boot_tail: float = 0.0
    fulfil_s: tuple[float, float] | None = None
    pull_s: float = 0.0
    start_tail: float = 0.0
    event_s: float = 0.5
    event_tail: float = 0.0
    scales_pollers: bool = False
    launches_a_minute: int | None = None
    backs_off: bool = False
    on_demand_short: float = 0.0

    def __post_init__(self) -> None:
        if self.pollers is not None and not 1 <= self.pollers <= 10:
            raise ValueError(f"pollers is {self.pollers}: 1 to 10 are needed")

    @classmethod
    def as_aws(cls, **changes: Any) -> Timing:
        """Return the timing that AWS documents, with `changes` to its fields.

        >>> Timing.as_aws(pollers=10).displays_delay
        True
        """
        documented = cls(
            displays_delay=True,
            pollers=5,
            cold_start_s=0.9,
            latency_s=0.1,
            latency_tail=5.0,
            limits=True,
            retry_quota=True,
            exits=(2.0, 29.0),
            ignores_sigterm=0.02,
            deprovisioning_s=1.0,
            boot_tail=8.0,
            fulfil_s=(5.0, 60.0),
            pull_s=15.0,
            start_tail=4.0,
            event_tail=8.0,
            scales_pollers=True,
            launches_a_minute=500,
            backs_off=True,
        )
        return replace(documented, **changes)


# The timing of every account that is built without one: lenient, but for tasks, which take their time to end.
DEFAULT = Timing(exits=(2.0, 29.0), ignores_sigterm=0.02, deprovisioning_s=1.0)
