"""The simulated account: all services with one clock and one seed, behind one endpoint."""

from __future__ import annotations

import random

from simulator.auto_scaling import AutoScaling
from simulator.clients import REGION
from simulator.clock import Clock
from simulator.cloud_map import CloudMap
from simulator.dynamodb.tables import Tables
from simulator.ec2 import BOOT_S, Ec2, Ec2Instance
from simulator.ec2_api import Ec2Api
from simulator.ecs.api import EcsApi
from simulator.ecs.scheduler import Scheduler
from simulator.endpoint import ACCOUNT_ID, Endpoint
from simulator.group_api import GroupTags
from simulator.instance_refresh import InstanceRefreshes
from simulator.lifecycle_hooks import Hold, Waiting, drain_under_managed_hook
from simulator.load_balancing import LoadBalancing
from simulator.messaging import Messaging
from simulator.spot_fleet import SpotFleets
from simulator.spot_market import SpotMarket
from simulator.step_functions import StepFunctions
from simulator.storage import ParameterStore
from simulator.timing import DEFAULT, Timing


class Account:
    """One account in one Region.

    Args:
        seed: the random seed of boot times, deliveries, request durations and latencies.
        boot_s: mean seconds from an instance's launch to its registration with ECS.
        duplicates: the fraction of messages that SQS delivers twice.
        timing: how fast, and in which order, the account answers.
    """

    def __init__(
        self, seed: int = 0, boot_s: float = BOOT_S, duplicates: float = 0.01, timing: Timing = DEFAULT
    ) -> None:
        # Each part has its own source of random numbers, so that a change in one part does not change the others.
        self.clock = Clock()
        self.balancing = LoadBalancing(
            self.clock, random.Random(f"requests {seed}"), displays_delay=timing.displays_delay
        )
        self.scheduler = Scheduler(self.clock, random.Random(f"tasks {seed}"), self.balancing, timing, seed)
        self.ec2 = Ec2(self.clock, random.Random(f"boots {seed}"), self.scheduler, boot_s, timing)
        self.fleets = SpotFleets(self.clock, self.ec2, timing, random.Random(f"fleets {seed}"))
        self.groups = AutoScaling(self.clock, self.ec2, timing, random.Random(f"groups {seed}"))
        self.spot = SpotMarket(self.clock, self.ec2, self.fleets, self.groups)
        self.messaging = Messaging(self.clock, random.Random(f"delivery {seed}"), duplicates, timing)
        self.parameters = ParameterStore(lambda: self.clock.now)
        self.tables = Tables()
        self.step_functions = StepFunctions()
        self.endpoint = Endpoint(self.clock, random.Random(f"latency {seed}"), timing)
        self.killed_tasks = 0
        self._wire()

    def _wire(self) -> None:
        def count_killed(task: object) -> None:  # noqa: ARG001
            self.killed_tasks += 1

        self.scheduler.observer.killed = count_killed
        self.scheduler.observer.service_event = self.messaging.put_event
        self.ec2.templates.parameter = lambda name: str(
            self.parameters.get_parameter({"Name": name})["Parameter"]["Value"]
        )
        self.spot.on_notice = self._send_interruption
        self.spot.on_recommendation = self._send_recommendation
        self.groups.hooks.on_held = self._begin_wait
        self.ec2.on_state = self._send_state
        self.endpoint.actions = {
            **EcsApi(self.scheduler).actions(),
            "elbv2:DescribeTargetGroups": self.balancing.describe_target_groups,
            "elbv2:DescribeTargetHealth": self.balancing.describe_target_health,
            "elbv2:DeregisterTargets": self.balancing.deregister_targets,
            "servicediscovery:DeregisterInstance": CloudMap(self.balancing).deregister_instance,
            **Ec2Api(self.ec2).actions(),
            **self.ec2.templates.actions(),
            "ec2:DescribeSpotFleetRequests": self.fleets.describe_spot_fleet_requests,
            "ec2:DescribeSpotFleetInstances": self.fleets.describe_spot_fleet_instances,
            "ec2:DescribeSpotFleetRequestHistory": self.fleets.describe_spot_fleet_request_history,
            "ec2:DescribeSpotPriceHistory": self.spot.describe_spot_price_history,
            "ec2:CreateTags": self.fleets.create_tags,
            "ec2:DeleteTags": self.fleets.delete_tags,
            "ec2:ModifySpotFleetRequest": self.fleets.modify_spot_fleet_request,
            "autoscaling:DescribeAutoScalingGroups": self.groups.describe_auto_scaling_groups,
            **InstanceRefreshes(self.groups.groups).actions(),
            "autoscaling:SetDesiredCapacity": self.groups.set_desired_capacity,
            "autoscaling:CreateOrUpdateTags": GroupTags(self.groups.groups).create_or_update_tags,
            "autoscaling:DeleteTags": GroupTags(self.groups.groups).delete_tags,
            "autoscaling:UpdateAutoScalingGroup": self.groups.update_auto_scaling_group,
            "autoscaling:TerminateInstanceInAutoScalingGroup": self.groups.terminate_instance_in_auto_scaling_group,
            "autoscaling:DescribeScalingActivities": self.groups.describe_scaling_activities,
            "autoscaling:DescribeLifecycleHooks": self.groups.describe_lifecycle_hooks,
            "autoscaling:RecordLifecycleActionHeartbeat": self.groups.hooks.record_lifecycle_action_heartbeat,
            "autoscaling:CompleteLifecycleAction": self.groups.hooks.complete_lifecycle_action,
            "ssm:GetParametersByPath": self.parameters.get_parameters_by_path,
            "ssm:GetParameter": self.parameters.get_parameter,
            "ssm:GetParameterHistory": self.parameters.get_parameter_history,
            "dynamodb:GetItem": self.tables.get_item,
            "dynamodb:PutItem": self.tables.put_item,
            "dynamodb:UpdateItem": self.tables.update_item,
            **self.step_functions.actions(),
            "dynamodb:Query": self.tables.query,
            "events:PutEvents": self.messaging.put_events_call,
            "sns:Publish": self.messaging.publish_call,
            "sqs:SendMessage": self.messaging.send_message,
        }

    def _send_interruption(self, instance: Ec2Instance) -> None:
        self.messaging.put_event(
            {
                "detail-type": "EC2 Spot Instance Interruption Warning",
                "source": "aws.ec2",
                "resources": [f"arn:aws:ec2:{instance.zone}:instance/{instance.id}"],
                "detail": {"instance-id": instance.id, "instance-action": instance.interruption},
            }
        )

    def _send_recommendation(self, instance: Ec2Instance) -> None:
        self.messaging.put_event(
            {
                "detail-type": "EC2 Instance Rebalance Recommendation",
                "source": "aws.ec2",
                "resources": [f"arn:aws:ec2:{instance.zone}:instance/{instance.id}"],
                "detail": {"instance-id": instance.id},
            }
        )

    def _send_state(self, instance: Ec2Instance, state: str) -> None:
        self.messaging.put_event(
            {
                "detail-type": "EC2 Instance State-change Notification",
                "source": "aws.ec2",
                "resources": [f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:instance/{instance.id}"],
                "detail": {"instance-id": instance.id, "state": state},
            }
        )

    def _begin_wait(self, group: str, waiting: Waiting, hold: Hold) -> None:
        self.messaging.put_event(
            {
                "detail-type": "EC2 Instance-terminate Lifecycle Action",
                "source": "aws.autoscaling",
                "detail": {
                    "LifecycleActionToken": hold.token,
                    "AutoScalingGroupName": group,
                    "LifecycleHookName": hold.hook,
                    "EC2InstanceId": waiting.instance.id,
                    "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                    "Origin": "AutoScalingGroup",
                    "Destination": "WarmPool" if waiting.to_warm_pool else "EC2",
                },
            }
        )
        drain_under_managed_hook(self.groups.hooks, self.scheduler, group, waiting, hold)
