"""The same things in the simulated account and in moto, and the same calls to both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto.ec2.utils import generate_instance_identity_document

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID
from simulator.world import World

IMAGE = {"name": "api", "image": "api", "cpu": 64, "memoryReservation": 128}
GROUP = "web-group"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to.

    Attributes:
        error: the code of its error; "": it was answered.
        lengths: how many things each list of the answer has, by its name.
        reasons: of its failures.
    """

    error: str = ""
    lengths: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def differs_from(self, other: Outcome) -> list[str]:
        """Return in which respects this outcome of the simulated account is not that of the `other` one."""
        found = []
        if self.error != other.error:
            found.append(f"error {self.error or 'none'}, {other.error or 'none'} there")
        elif self.lengths != {name: other.lengths.get(name) for name in self.lengths}:
            found.append(f"{dict(self.lengths)}, {dict(other.lengths)} there")
        elif self.reasons != other.reasons:
            found.append(f"failures {self.reasons}, {other.reasons} there")
        return found


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two accounts: a session, and its names of the things that both have."""

    session: Any
    names: Mapping[str, str]

    def call(self, name: str, params: Mapping[str, Any]) -> Outcome:
        """Make a call (`service:Action`), with the names in `<>` put in."""
        service, _, action = name.partition(":")
        client = self.session.client(service)
        try:
            operation = next(o for o, api in client.meta.method_to_api_mapping.items() if api == action)
            answer = getattr(client, operation)(**self._named(params))
        except ClientError as error:
            return Outcome(error.response["Error"]["Code"])
        answer.pop("ResponseMetadata", None)
        return Outcome(
            lengths={key: len(value) for key, value in answer.items() if isinstance(value, list)},
            reasons=tuple(sorted(failure.get("reason", "") for failure in answer.get("failures", []))),
        )

    def _named(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.names.get(value, value)
        if isinstance(value, Mapping):
            return {key: self._named(one) for key, one in value.items()}
        return [self._named(one) for one in value] if isinstance(value, list) else value


def simulated() -> Side:
    """Build the simulated account: a cluster of a group with three instances, a service of two tasks, a parameter."""
    world = World(seed=1, scaling=False)
    web = world.group_cluster("web", 3)
    service = web.service("api", 2, cpu=64, memory=128, requests_per_s=1)
    world.run(200)
    account = world.account
    account.parameters.put("/steady/defaults/mode", "active")
    account.parameters.put("/steady/defaults/mode", "paused")
    tasks = sorted(web.tasks(), key=lambda task: task.arn)
    instance = web.instances()[0]
    queue = world.suite.notices
    names = {
        "<instance>": instance.arn,
        "<instance id>": instance.arn.rsplit("/", 1)[-1],
        "<ec2>": instance.ec2_id,
        "<task>": tasks[0].arn,
        "<task id>": tasks[0].arn.rsplit("/", 1)[-1],
        "<definition>": tasks[0].definition.arn,
        "<family>": tasks[0].definition.family,
        "<first revision>": f"{tasks[0].definition.family}:{tasks[0].definition.revision}",
        "<target group>": service.groups_of(service.revision)[0],
        "<group>": "web",
        "<template>": web.pool.template,
        "<queue>": queue.url,
        "<topic>": f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:news",
    }
    account.messaging.subscriptions["news"] = []
    return Side(account.endpoint.session("test"), names)


def in_moto() -> Side:
    """Build the same in moto, whose mock is active."""
    session = boto3.Session(region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    ecs, ec2 = session.client("ecs"), session.client("ec2")
    ecs.create_cluster(clusterName="web")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    scaling = session.client("autoscaling")
    scaling.create_launch_configuration(LaunchConfigurationName="web", ImageId=image, InstanceType="m5.large")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        LaunchConfigurationName="web",
        MinSize=0,
        MaxSize=1000,
        DesiredCapacity=3,
        AvailabilityZones=[f"{REGION}a"],
    )
    [group] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
    ids = [member["InstanceId"] for member in group["Instances"]]
    arns = []
    for id_ in ids:
        document = generate_instance_identity_document(session.resource("ec2").Instance(id_))
        registered = ecs.register_container_instance(cluster="web", instanceIdentityDocument=json.dumps(document))
        arns.append(registered["containerInstance"]["containerInstanceArn"])
    definition = ecs.register_task_definition(family="api", containerDefinitions=[IMAGE])["taskDefinition"]
    ecs.create_service(cluster="web", serviceName="api", taskDefinition="api", desiredCount=2)
    started = [
        ecs.start_task(cluster="web", taskDefinition="api", containerInstances=[arn], startedBy="x")["tasks"][0]
        for arn in arns[:2]
    ]
    ssm = session.client("ssm")
    for value in ("active", "paused"):
        ssm.put_parameter(Name="/steady/defaults/mode", Value=value, Type="String", Overwrite=True)
    template = ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image})
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    targets = session.client("elbv2").create_target_group(Name="api", Protocol="HTTP", Port=80, VpcId=vpc)
    names = {
        "<instance>": arns[0],
        "<instance id>": arns[0].rsplit("/", 1)[-1],
        "<ec2>": ids[0],
        "<task>": started[0]["taskArn"],
        "<task id>": started[0]["taskArn"].rsplit("/", 1)[-1],
        "<definition>": definition["taskDefinitionArn"],
        "<family>": "api",
        "<first revision>": "api:1",
        "<target group>": targets["TargetGroups"][0]["TargetGroupArn"],
        "<group>": GROUP,
        "<template>": template["LaunchTemplate"]["LaunchTemplateId"],
        "<queue>": session.client("sqs").create_queue(QueueName="notices")["QueueUrl"],
    }
    return Side(session, names)
