"""What an attacker may send to each queue, and what a function may do with it: nothing, or what a message may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtask_failure import reported_call
from simulator.lambdas import Function, LambdaContext
from simulator.queues import Queue
from simulator.world import World

MAXIMUM = 6
SPOT = {
    "detail-type": "EC2 Spot Instance Interruption Warning",
    "source": "aws.ec2",
    "time": "2026-01-01T00:00:00Z",
    "detail": {"instance-id": "i-0", "instance-action": "terminate"},
}
# A good message of each kind, by the queue that takes it: what is sent is made of these.
GOOD: dict[str, list[dict[str, Any]]] = {
    "interruption-handler": [
        SPOT,
        {**SPOT, "detail-type": "EC2 Instance Rebalance Recommendation"},
        {
            **SPOT,
            "detail-type": "EC2 Instance State-change Notification",
            "detail": {"instance-id": "i-0", "state": "x"},
        },
        {
            "detail-type": "AWS Health Event",
            "time": "2026-01-01T00:00:00Z",
            "detail": {
                "service": "EC2",
                "eventTypeCategory": "scheduledChange",
                "eventTypeCode": "AWS_EC2_INSTANCE_STOP_SCHEDULED",
                "statusCode": "open",
                "startTime": "Sat, 05 Jan 2026 15:10:09 GMT",
                "affectedEntities": [{"entityValue": "i-0"}],
            },
        },
        {
            "detail-type": "EC2 Instance-terminate Lifecycle Action",
            "time": "2026-01-01T00:00:00Z",
            "detail": {
                "LifecycleActionToken": "0befcbdb-6ecd-498a-9ff7-ae9b54447cd6",
                "AutoScalingGroupName": "theirs",
                "LifecycleHookName": "h",
                "EC2InstanceId": "i-0",
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
            },
        },
        {
            "detail-type": "Steady Drain Continuation",
            "source": "steady",
            "detail": {
                "doomed": [
                    {
                        "instance_id": "i-0",
                        "cluster": "theirs",
                        "deadline_s": 1.0,
                        "container_instance_arn": "",
                        "hook": None,
                    }
                ],
                "due": {"theirs": ["arn:aws:ecs:us-east-1:123456789012:task/theirs/1"]},
            },
        },
        {
            "detail-type": "Capacity Block Expiration Warning",
            "time": "2026-01-01T00:00:00Z",
            "detail": {"capacity-reservation-id": "cr-0", "end-date": "2026-01-01T00:40:00Z"},
        },
        {
            "detail-type": "Steady Drain Marks",
            "detail": {
                "cluster": "theirs",
                "marks": {
                    "arn:aws:ecs:us-east-1:123456789012:container-instance/theirs/1": "hook:1767225900:1767225600"
                },
            },
        },
    ],
    "autoscaler": [
        {"cluster": "theirs", "why": "interruption", "instances": ["i-0"]},
        {
            "resources": ["arn:aws:ecs:us-east-1:123456789012:service/theirs/api"],
            "detail": {
                "eventName": "SERVICE_TASK_PLACEMENT_FAILURE",
                "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/theirs",
            },
        },
    ],
    "runtask-failure": [
        {"group_name": "web", "cluster": "web", "cpu": 256, "memory": 256, "hako_task_id": "one"},
        {"Type": "Notification", "Message": '{"cluster": "theirs", "cpu": 1, "memory": 1, "hako_task_id": "two"}'},
        dict(reported_call.SAMPLE),
    ],
}


class Harmed(AssertionError):
    """A message did what no message may do."""


@dataclass
class Target:
    """An account with one cluster of ours, and the functions that take messages."""

    world: World = field(default_factory=lambda: World(seed=1, duplicates=0.0))

    def __post_init__(self) -> None:
        self.web = self.world.group_cluster("web", 2, maximum=MAXIMUM, max_capacity=MAXIMUM)
        self.web.service("api", 2, requests_per_s=0)
        self.world.run(70)
        suite = self.world.suite
        # What is done from here on is done for the messages.
        suite.tick = lambda cluster: None  # type: ignore[method-assign]
        assert suite.autoscaler
        assert suite.runtask_failure
        self.functions: dict[str, tuple[Function, Queue]] = {
            "interruption-handler": (suite.interruption_handler, suite.notices),
            "autoscaler": (suite.autoscaler, suite.triggers),
            "runtask-failure": (suite.runtask_failure, suite.failures),
        }

    def send(self, queue: str, body: str) -> bool:
        """Has the function of `queue` handle `body`; returns whether it was refused.

        Raises:
            Harmed: if it did anything that it may not: an error, a write although it was refused, capacity over the
                maximum, a call about another cluster.
        """
        function, source = self.functions[queue]
        assert source.dead_letters
        source.dead_letters.messages.clear()
        self.world.account.endpoint.log = []
        record = {
            "messageId": "m",
            "body": body,
            "attributes": {"SentTimestamp": str(int(self.world.clock.now * 1000))},
        }
        try:
            answer = function.handler({"Records": [record]}, LambdaContext(lambda: 20.0))
        except Exception as error:
            raise Harmed(f"{queue} ended with {error!r}") from error
        refused = bool(source.dead_letters.messages)
        if answer.get("batchItemFailures") and not refused:
            raise Harmed(f"{queue} would try a message again and again that never gets better")
        self._look_at_calls(queue, refused)
        if self.web.target > MAXIMUM:
            raise Harmed(f"{self.web.target} instances are asked for, over the maximum of {MAXIMUM}")
        return refused

    def _look_at_calls(self, queue: str, refused: bool) -> None:
        for call in self.world.account.endpoint.log or ():
            if call.caller != queue:
                continue
            action = call.name.partition(":")[2]
            writes = not action.startswith(("Describe", "Get", "List"))
            aside = call.name == "sqs:SendMessage" and call.params["QueueUrl"].endswith("dead-letters")
            if refused and writes and not aside:
                raise Harmed(f"{queue} called {call.name} for a message that it refused")
            cluster = call.params.get("cluster")
            if cluster not in (None, "web"):
                raise Harmed(f"{queue} called {call.name} on cluster {cluster}, which is not ours")


def nested(depth: int) -> str:
    """A text of JSON that is nested so deep."""
    return "[" * depth + "]" * depth
