"""The deployed functions do it: real events through what `cdk deploy` made, on local emulators."""

from __future__ import annotations

import gzip
import json

import pytest

from runtask_failure import reported_call
from steady.names import BASE_TAG, DATABASE
from tests.e2e import deployment, seed
from tests.e2e.acts import (
    base_of,
    define,
    desired_capacity,
    desired_status,
    eventually,
    put_event,
    registered_cpu,
    registered_targets,
    status,
    statuses,
    steady,
)
from tests.e2e.emulators import Emulators

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def spot(emulators: Emulators) -> seed.SpotCluster:
    seed.on_demand_cluster(emulators, "web", instances=1)
    return seed.spot_cluster(emulators, "batch")


@pytest.fixture(scope="module")
def stream(emulators: Emulators) -> seed.SpotGroupCluster:
    return seed.spot_group_cluster(emulators, "stream")


@pytest.fixture(scope="module")
def outputs(emulators: Emulators, spot: seed.SpotCluster, stream: seed.SpotGroupCluster) -> dict[str, dict[str, str]]:
    """The suite and its clusters, deployed by the real CDK CLI; each stack's outputs."""
    return deployment.deploy(emulators, spot.fleet_id)


def test_a_cluster_of_each_kind_is_deployed_with_the_suite(
    emulators: Emulators, spot: seed.SpotCluster, outputs: dict[str, dict[str, str]]
) -> None:
    ecs, ssm, ec2 = (emulators.deployed(service) for service in ("ecs", "ssm", "ec2"))

    pools = {
        "web": "auto-scaling-group:web",
        "batch": f"spot-fleet:{spot.fleet_id}",
        "stream": "auto-scaling-group:stream",
    }
    described = ecs.describe_clusters(clusters=[*pools])["clusters"]
    assert {c["clusterName"]: c["status"] for c in described} == dict.fromkeys(pools, "ACTIVE")
    for cluster, pool in pools.items():
        parameter = ssm.get_parameter(Name=f"/steady/clusters/{cluster}/capacity")["Parameter"]
        assert parameter["Value"] == outputs[f"steady-cluster-{cluster}"]["Pool"] == pool
        group = outputs[f"steady-cluster-{cluster}"]["SecurityGroup"]
        [of_instances] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        assert of_instances["IpPermissions"] == [], "nobody is let in"
    templates = ec2.describe_launch_templates()["LaunchTemplates"]
    versions = [
        ec2.describe_launch_template_versions(LaunchTemplateId=t["LaunchTemplateId"])["LaunchTemplateVersions"][0]
        for t in templates
    ]
    assert len(versions) == len(pools)
    for version in versions:
        assert version["LaunchTemplateData"]["ImageId"] == "ami-12c6146b", "the AMI of the parameter"


def test_the_groups_that_are_made_and_the_one_that_is_adopted_wait_under_a_hook(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    assert outputs
    autoscaling = emulators.deployed("autoscaling")

    for name, most in (("web", 10), ("stream", 20)):
        [group] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        assert (group["MinSize"], group["MaxSize"]) == (0, most)
    for name in ("web", "stream", "old-asg"):
        [hook] = autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
        assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"


def test_a_spot_warning_drains_deregisters_and_stops(
    emulators: Emulators, spot: seed.SpotCluster, outputs: dict[str, dict[str, str]]
) -> None:
    assert outputs
    assert registered_targets(emulators, spot.target_group_arn), "the task's target must be there before the warning"

    put_event(
        emulators,
        "EC2 Spot Instance Interruption Warning",
        "aws.ec2",
        {"instance-id": spot.instance_id, "instance-action": "terminate"},
    )

    eventually("the instance is DRAINING", lambda: status(emulators, spot.container_instance_arn) == "DRAINING")
    eventually("its targets are deregistered", lambda: not registered_targets(emulators, spot.target_group_arn))
    # moto does not say of which deployment the task is: it is stopped as late as a batch task, after 82 s.
    eventually("its task is stopped", lambda: desired_status(emulators, spot.service_task_arn) == "STOPPED", 110)
    assert statuses(emulators, "batch")[spot.spared_instance_id] == "ACTIVE"
    assert "drain step" in steady(emulators, "watch", "batch", "--once").stdout


def test_a_warning_of_a_spot_instance_of_a_group_drains_it(
    emulators: Emulators, stream: seed.SpotGroupCluster, outputs: dict[str, dict[str, str]]
) -> None:
    assert outputs
    detail = {"instance-id": stream.instance_id, "instance-action": "terminate"}
    put_event(emulators, "EC2 Spot Instance Interruption Warning", "aws.ec2", detail)

    arn = stream.container_instance_arn
    eventually("the instance is DRAINING", lambda: status(emulators, arn, "stream") == "DRAINING")


def test_the_base_of_a_group_of_spot_instances_is_what_runs_on_demand(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    assert outputs
    # The schedule of the deployment brings the tick.
    eventually("the base is what runs", lambda: base_of(emulators)[0] == base_of(emulators)[1] > 0, within_s=150)
    found = emulators.world("autoscaling").describe_tags(
        Filters=[{"Name": "auto-scaling-group", "Values": ["stream"]}, {"Name": "key", "Values": [BASE_TAG]}]
    )["Tags"]
    assert [tag["Value"].split()[0] for tag in found] == ["own=0"], "the owner's base is kept"


def test_hakos_message_raises_the_groupsdesired_capacity(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    before = desired_capacity(emulators)
    # Each fills an instance, and there is one more of them than there are instances.
    for number in range(before + 1):
        message = {
            "group_name": "web",
            "cluster": "web",
            "cpu": registered_cpu(emulators),
            "memory": 2048,
            "hako_task_id": f"9c2e1a50-0000-0000-0000-{number:012d}",
        }
        emulators.deployed("sns").publish(
            TopicArn=outputs["steady-scaling"]["RunTaskFailureTopic"], Message=json.dumps(message)
        )

    eventually("the desired capacity rose", lambda: desired_capacity(emulators) > before)


def test_a_request_on_the_launch_queue_runs_once(emulators: Emulators, outputs: dict[str, dict[str, str]]) -> None:
    ecs, sqs = emulators.world("ecs"), emulators.deployed("sqs")
    define(emulators, "nightly", cpu=64)
    asked = {"cluster": "web", "taskDefinition": "nightly", "clientToken": "nightly-2026-01-01", "startedBy": "e2e"}
    # As SQS may deliver it: twice.
    for _ in range(2):
        sqs.send_message(QueueUrl=outputs["steady-task-launcher"]["LaunchQueueUrl"], MessageBody=json.dumps(asked))

    def tasks() -> int:
        return len(ecs.list_tasks(cluster="web", family="nightly")["taskArns"])

    eventually("its task is started", lambda: tasks() == 1)
    steady(emulators, "run", "nightly", "--cluster", "web")
    eventually("the task of the command is started, and no other", lambda: tasks() == 2)


def test_a_failed_call_that_cloudtrail_reports_raises_thedesired_capacity(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    assert outputs
    before = desired_capacity(emulators)
    define(emulators, "whole", cpu=registered_cpu(emulators))
    call = {"cluster": "web", "taskDefinition": "whole", "count": before + 1}
    answer = {"tasks": [], "failures": [{"reason": "RESOURCE:CPU"}]}
    detail = {**reported_call.SAMPLE["detail"], "requestParameters": call, "responseElements": answer}
    put_event(emulators, reported_call.DETAIL_TYPE, "aws.ecs", detail)

    eventually("the desired capacity rose", lambda: desired_capacity(emulators) > before)


def test_a_malformed_message_is_in_the_dead_letter_queue_with_its_reason(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    emulators.deployed("sns").publish(
        TopicArn=outputs["steady-scaling"]["RunTaskFailureTopic"],
        Message='{"cluster": "web", "cpu": "lots", "memory": 512, "hako_task_id": "x"}',
    )
    sqs = emulators.deployed("sqs")
    dead_letters = next(u for u in sqs.list_queues()["QueueUrls"] if "RunTaskFailureDeadLetters" in u)

    def reason() -> str:
        messages = sqs.receive_message(QueueUrl=dead_letters, MessageAttributeNames=["All"], VisibilityTimeout=1).get(
            "Messages", []
        )
        return messages[0]["MessageAttributes"]["error"]["StringValue"] if messages else ""

    eventually("the message was set aside", lambda: "cpu is 'lots'" in reason())


def test_a_threshold_that_is_changed_holds_at_the_next_tick(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    """As an operator would: a plain put-parameter, and nothing else."""
    assert outputs
    more = desired_capacity(emulators) + 2

    emulators.deployed("ssm").put_parameter(
        Name="/steady/clusters/web/min_capacity", Value=str(more), Type="String", Overwrite=True
    )

    # The schedule of the deployment brings the tick.
    eventually("the desired capacity is the minimum", lambda: desired_capacity(emulators) == more, within_s=90)


def test_the_log_catalogue_makes_tables_when_it_is_called_as_the_schedule_calls_it(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    s3, glue = emulators.deployed("s3"), emulators.deployed("glue")
    for container in ("app", "envoy"):
        s3.put_object(
            Bucket=outputs["steady-logs"]["LogBucket"],
            Key=f"my-awesome-app/{container}/year=2018/month=11/day=28/09-0-1.json.gz",
            Body=gzip.compress(b'{"time": "2018-11-28T09:00:01Z", "log": "ERROR"}'),
        )
    schedules = emulators.deployed("scheduler").list_schedules()["Schedules"]
    [daily] = [s for s in schedules if "Daily" in s["Name"]]
    target = emulators.deployed("scheduler").get_schedule(Name=daily["Name"])["Target"]

    emulators.deployed("lambda").invoke(
        FunctionName=target["Arn"], InvocationType="Event", Payload=target["Input"].encode()
    )

    def tables() -> set[str]:
        return {t["Name"] for t in glue.get_tables(DatabaseName=DATABASE)["TableList"]}

    eventually("the tables are there", lambda: tables() == {"my_awesome_app_app", "my_awesome_app_envoy"})


def test_a_task_that_stopped_is_an_object_where_hako_looks_for_it(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    bucket, _, prefix = outputs["steady-task-status"]["OneshotNotificationPrefix"].removeprefix("s3://").partition("/")
    task = "arn:aws:ecs:us-east-1:000000000000:task/batch/0123456789abcdef"
    detail = {
        "taskArn": task,
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/batch",
        "group": "family:nightly",
        "lastStatus": "STOPPED",
        "containers": [{"name": "app", "lastStatus": "STOPPED", "exitCode": 0}],
    }
    event = {"Source": "aws.ecs", "DetailType": "ECS Task State Change", "Detail": json.dumps(detail)}
    emulators.deployed("events").put_events(Entries=[event])
    s3 = emulators.deployed("s3")

    def keys() -> list[str]:
        return [stored["Key"] for stored in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    eventually("the object is there", lambda: keys() == [f"{prefix}/{task}/stopped.json"])
    stored = json.loads(s3.get_object(Bucket=bucket, Key=keys()[0])["Body"].read())
    assert stored["detail"]["containers"][0]["exitCode"] == 0


def test_the_command_reads_and_changes_what_is_deployed(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    assert outputs

    changed = json.loads(steady(emulators, "config", "set", "web", "drift_seconds=20", "--json", "-").stdout)
    assert changed["changed"] == [{"path": "/steady/clusters/web/drift_seconds", "before": 30, "after": 20}]
    explained = json.loads(steady(emulators, "explain", "web", "--json", "-").stdout)
    assert explained["pool"]["name"] == "auto-scaling-group:web"
    assert len(explained["instances"]) == 1
    # moto's group was made by hand: it has neither a hook nor a user data.
    examined = steady(emulators, "doctor", "web", "--json", "-", code=1)
    assert [finding["check"] for finding in json.loads(examined.stdout)] == ["hook"]
    refused = steady(emulators, "config", "set", "web", "drift_seconds=soon", code=2)
    assert "a number of seconds from 0 to 86400 is needed" in refused.stderr


def test_what_was_deployed_and_used_is_deleted_and_what_is_the_operators_stays(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    """The last of this file: nothing is deployed any more after it."""
    cloudformation, ssm = emulators.deployed("cloudformation"), emulators.deployed("ssm")

    deployment.destroy(emulators)

    left = {s["StackName"] for s in cloudformation.describe_stacks()["Stacks"] if s["StackStatus"] != "DELETE_COMPLETE"}
    assert left == {"CDKToolkit"}
    names = [p["Name"] for p in ssm.get_parameters_by_path(Path="/steady", Recursive=True)["Parameters"]]
    assert not [name for name in names if name.startswith("/steady/deployed") or name.endswith("/capacity")]
    assert "/steady/images/web" in names, "the operators' own"
    buckets = {bucket["Name"] for bucket in emulators.deployed("s3").list_buckets()["Buckets"]}
    assert outputs["steady-logs"]["LogBucket"] in buckets, "what is retained"
