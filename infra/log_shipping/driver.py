"""The log driver of containers whose lines go to S3, for task definitions that are made with the CDK.

from infra.log_shipping.driver import shipped_logs

definition.add_container("app", image=…, logging=shipped_logs())
"""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs

PORT = 24224
# The ECS agent puts these labels on each container (Amazon ECS: "Amazon ECS container agent configuration").
LABELS = (
    "com.amazonaws.ecs.cluster",
    "com.amazonaws.ecs.container-name",
    "com.amazonaws.ecs.task-arn",
    "com.amazonaws.ecs.task-definition-family",
)
# Docker: "Fluentd logging driver". All values are texts, as in a task definition.
OPTIONS = {
    "fluentd-address": f"127.0.0.1:{PORT}",
    # A container starts and runs even while its shipper does not answer.
    "fluentd-async": "true",
    # A line that was in flight when the shipper ended is sent again.
    "fluentd-request-ack": "true",
    "fluentd-sub-second-precision": "true",
    # Meanwhile this many lines of a container are kept in memory. Further lines are lost.
    "fluentd-buffer-limit": "131072",
    "labels": ",".join(LABELS),
    "tag": "container",
}


def shipped_logs() -> ecs.LogDriver:
    """Return the log driver that sends lines to the instance's shipper, and so to S3 by family and container."""
    return ecs.GenericLogDriver(log_driver="fluentd", options=OPTIONS)
