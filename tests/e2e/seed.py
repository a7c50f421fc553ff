"""What the account holds before the suite is deployed to it, made in moto: a cluster of each kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.e2e.emulators import Emulators

IMAGE = "ami-12c6146b"
INSTANCE_TYPE = "m5.large"


@dataclass(frozen=True)
class SpotCluster:
    """`batch`: its fleet, and what runs on the instance that will be reclaimed."""

    fleet_id: str
    instance_id: str
    spared_instance_id: str
    container_instance_arn: str
    target_group_arn: str
    service_task_arn: str


@dataclass(frozen=True)
class SpotGroupCluster:
    """`stream`: an instance that will be reclaimed."""

    instance_id: str
    container_instance_arn: str


def spot_group_cluster(emulators: Emulators, name: str) -> SpotGroupCluster:
    """An ECS cluster on an Auto Scaling group of two Spot Instances, and one that stands in for a third."""
    ec2, autoscaling = emulators.world("ec2"), emulators.world("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateId": _launch_template(emulators, name)},
                "Overrides": [{"InstanceType": INSTANCE_TYPE, "WeightedCapacity": "1"}],
            },
            "InstancesDistribution": {
                "OnDemandBaseCapacity": 0,
                "OnDemandPercentageAboveBaseCapacity": 0,
                "SpotAllocationStrategy": "price-capacity-optimized",
            },
        },
        CapacityRebalance=True,
        MinSize=0,
        MaxSize=20,
        # moto launches it on-demand, whatever the policy says.
        DesiredCapacity=1,
        AvailabilityZones=["us-east-1a"],
    )
    requests = ec2.request_spot_instances(
        InstanceCount=2,
        SpotPrice="1",
        LaunchSpecification={"ImageId": IMAGE, "InstanceType": INSTANCE_TYPE, "SubnetId": _subnet(ec2)},
    )["SpotInstanceRequests"]
    ids = [request["InstanceId"] for request in requests]
    autoscaling.attach_instances(AutoScalingGroupName=name, InstanceIds=ids)
    emulators.world("ecs").create_cluster(clusterName=name)
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    arns = {i["InstanceId"]: _register(emulators, name, i["InstanceId"]) for i in group["Instances"]}
    return SpotGroupCluster(ids[0], arns[ids[0]])


def on_demand_cluster(emulators: Emulators, name: str, instances: int) -> None:
    """An ECS cluster on an Auto Scaling group of the same name."""
    autoscaling = emulators.world("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateId": _launch_template(emulators, name)},
        MinSize=0,
        MaxSize=10,
        DesiredCapacity=instances,
        AvailabilityZones=["us-east-1a"],
    )
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    emulators.world("ecs").create_cluster(clusterName=name)
    for instance in group["Instances"]:
        _register(emulators, name, instance["InstanceId"])


def spot_cluster(emulators: Emulators, name: str) -> SpotCluster:
    """An ECS cluster on a Spot Fleet of two, with a service's task behind a target group on one of them."""
    ec2, ecs, elbv2 = emulators.world("ec2"), emulators.world("ecs"), emulators.world("elbv2")
    fleet_id = ec2.request_spot_fleet(
        SpotFleetRequestConfig={
            "TargetCapacity": 2,
            "SpotPrice": "1",
            "IamFleetRole": "arn:aws:iam::123456789012:role/fleet",
            "AllocationStrategy": "lowestPrice",
            "LaunchSpecifications": [
                {"ImageId": IMAGE, "InstanceType": INSTANCE_TYPE, "SubnetId": _subnet(ec2), "WeightedCapacity": 1}
            ],
        }
    )["SpotFleetRequestId"]
    members = ec2.describe_spot_fleet_instances(SpotFleetRequestId=fleet_id)["ActiveInstances"]
    doomed, spared = (m["InstanceId"] for m in members)
    # EC2 tags a fleet's instances; moto does not.
    ec2.create_tags(Resources=[doomed, spared], Tags=[{"Key": "aws:ec2spot:fleet-request-id", "Value": fleet_id}])
    ecs.create_cluster(clusterName=name)
    # moto places a task on the first instance that has room: the second one comes later.
    container_instance = _register(emulators, name, doomed)
    target_group = _target_group(emulators, name)
    task = _service_with_one_task(emulators, name, target_group)
    _register(emulators, name, spared)
    address = next(d["value"] for d in task["attachments"][0]["details"] if d["name"] == "privateIPv4Address")
    elbv2.register_targets(TargetGroupArn=target_group, Targets=[{"Id": address, "Port": 8080}])
    return SpotCluster(fleet_id, doomed, spared, container_instance, target_group, task["taskArn"])


def _launch_template(emulators: Emulators, name: str) -> str:
    data = {"ImageId": IMAGE, "InstanceType": INSTANCE_TYPE}
    made = emulators.world("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    id_: str = made["LaunchTemplate"]["LaunchTemplateId"]
    return id_


def _target_group(emulators: Emulators, name: str) -> str:
    elbv2 = emulators.world("elbv2")
    vpc = emulators.world("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    arn: str = elbv2.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")[
        "TargetGroups"
    ][0]["TargetGroupArn"]
    return arn


def _service_with_one_task(emulators: Emulators, cluster: str, target_group: str) -> dict[str, Any]:
    ecs = emulators.world("ecs")
    network = {"awsvpcConfiguration": {"subnets": [_subnet(emulators.world("ec2"))], "securityGroups": []}}
    definition = ecs.register_task_definition(
        family="api",
        networkMode="awsvpc",
        containerDefinitions=[
            {
                "name": "app",
                "image": "api",
                "cpu": 256,
                "memoryReservation": 512,
                "memory": 512,
                "stopTimeout": 20,
                "portMappings": [{"containerPort": 8080, "hostPort": 8080}],
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(
        cluster=cluster,
        serviceName="api",
        taskDefinition=definition,
        desiredCount=1,
        launchType="EC2",
        networkConfiguration=network,
        loadBalancers=[{"targetGroupArn": target_group, "containerName": "app", "containerPort": 8080}],
    )
    # moto's services start no tasks: this one is started as the service's scheduler would.
    task: dict[str, Any] = ecs.run_task(
        cluster=cluster,
        taskDefinition=definition,
        launchType="EC2",
        networkConfiguration=network,
        group="service:api",
        startedBy="ecs-svc/1",
    )["tasks"][0]
    return task


def _register(emulators: Emulators, cluster: str, instance_id: str) -> str:
    # The agent registers with its instance identity document, of which moto reads the instance's id.
    answer = emulators.world("ecs").register_container_instance(
        cluster=cluster, instanceIdentityDocument=json.dumps({"instanceId": instance_id})
    )
    arn: str = answer["containerInstance"]["containerInstanceArn"]
    return arn


def _subnet(ec2: Any) -> str:
    subnet: str = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    return subnet
