"""Target groups that fit into a Spot notice, for services that are made with the CDK.

from infra.service_target_group import ServiceTargetGroup

group = ServiceTargetGroup(self, "Api", vpc=vpc, port=80, path="/health", stop_timeout_s=30)
listener.add_target_groups("Api", target_groups=[group])
service.attach_to_application_target_group(group)
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from infra import fitness
from infra.settings.errors import BadSettings
from steady.cluster import DEFAULT_STOP_TIMEOUT_S


class ServiceTargetGroup(elbv2.ApplicationTargetGroup):
    """A target group whose delay ends within a notice, and whose new targets take requests soon, few at first.

    Args:
        path: the path that the health check requests.
        stop_timeout_s: the longest stop timeout of the containers of the service's tasks (ECS: 30 unless they say).
        props: of `ApplicationTargetGroup`, the vpc and the port among them.

    Raises:
        BadSettings: if a notice has no time for any delay before such a stop timeout.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        path: str = "/",
        stop_timeout_s: int = DEFAULT_STOP_TIMEOUT_S,
        **props: Any,
    ) -> None:
        longest_s = fitness.longest_delay_s(stop_timeout_s)
        if longest_s < fitness.SHORTEST_DELAY_S:
            most_s = fitness.longest_stop_timeout_s(fitness.SHORTEST_DELAY_S)
            raise BadSettings(
                f"{id_}: stop_timeout_s is {stop_timeout_s}: {most_s} or less is needed, so that a Spot notice "
                f"has time for {fitness.SHORTEST_DELAY_S} s of deregistration delay before it"
            )
        super().__init__(
            scope,
            id_,
            deregistration_delay=cdk.Duration.seconds(min(fitness.DELAY_S, longest_s)),
            slow_start=cdk.Duration.seconds(fitness.SLOW_START_S),
            health_check=elbv2.HealthCheck(
                path=path,
                interval=cdk.Duration.seconds(fitness.HEALTH_INTERVAL_S),
                timeout=cdk.Duration.seconds(fitness.HEALTH_INTERVAL_S - 1),
                healthy_threshold_count=fitness.HEALTHY_COUNT,
                unhealthy_threshold_count=fitness.UNHEALTHY_COUNT,
            ),
            **props,
        )
