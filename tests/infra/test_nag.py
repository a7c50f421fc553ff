"""cdk-nag's rules, AWS Solutions and Serverless, and why each finding that is left is as it should be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import aws_cdk as cdk
import cdk_nag
import pytest

from infra import stacks
from tests.infra.made_clusters import EXAMPLE
from tests.infra.test_made_pools import MIXED
from tests.infra.test_stacks import CONTEXT

LAUNCHED = "image|launch-template|network-interface|security-group|snapshot|subnet|volume"
GROUPS = "(old-)?web|batch|mix-(base|spot)|theirs"
NAMES = "(old-web|old-batch|web|batch|train|mix)"
# What is accepted, and why. A wildcard is accepted only where its statement has a condition, or AWS knows no resource.
ACCEPTED = {
    r"AwsSolutions-L1": "Python 3.13 is the runtime that the pinned Powertools layer is made for.",
    r"AwsSolutions-IAM5\[Resource::\*\]": "Describe and List actions without a resource (see infra/permissions.py).",
    r"AwsSolutions-IAM5\[.*:parameter/steady/(deployed|defaults|clusters)/\*\]": "The suite's own parameters.",
    r"AwsSolutions-IAM5\[.*:parameter/aws/service/\*\]": "AWS's own parameters, which anybody may read.",
    rf"AwsSolutions-IAM5\[.*:ecs:.*:(container-instance|task|service(-revision)?)/{NAMES}/\*\]": "Of our clusters.",
    rf"AwsSolutions-IAM5\[.*:autoScalingGroup:\*:autoScalingGroupName/({GROUPS})\]": "A group's ARN has an id.",
    r"AwsSolutions-IAM5\[.*:ec2:.*:instance/\*\]": "Limited by the tag of our Spot Fleets; of an instance's role, to "
    "the instance itself by the SSM agent, whose id nobody knows before.",
    r"AwsSolutions-IAM5\[.*:ec2:.*:spot-fleet-request/\*\]": "Limited by the tag of the fleets that are made.",
    rf"AwsSolutions-IAM5\[.*:ec2:.*:({LAUNCHED})/\*\]": "A launch from our clusters' own templates, by their tag, "
    "with nothing of them overridden: see test_type_order.py.",
    r"AwsSolutions-IAM5\[.*:iam::.*:role/steady-cluster-(web|mix)-\*\]": "CloudFormation chooses the end of its name.",
    r"AwsSolutions-IAM5\[.*:ecr:.*:repository/\*\]": "A cluster pulls the images of all of the account's services.",
    r"AwsSolutions-IAM5\[.*:logs:.*:log-group:\*\]": "A cluster logs into the operators' own log groups (awslogs).",
    r"AwsSolutions-IAM4\[.*AmazonEC2SpotFleetTaggingRole\]": "What EC2's Spot Fleet service itself does for a fleet, "
    "as AWS keeps it up to date; nobody else can take the role.",
    r"AwsSolutions-ECS4": "Container Insights costs by the metric: the suite's own monitoring takes its place.",
    r"AwsSolutions-EC26": "The rule cannot follow a mixed instances policy to its template, and says so: "
    "that volumes are encrypted is tested in test_clusters.py.",
    r"AwsSolutions-AS3": "The suite says in logs and alarms why it scales; nobody is to be told of each instance.",
    r"AwsSolutions-IAM5\[.*:targetgroup/\*\]": "Any service's target group may have to let a doomed task go.",
    r"AwsSolutions-IAM5\[.*:servicediscovery:.*:service/\*\]": "Any service's tasks may have to leave Cloud Map.",
    r"AwsSolutions-IAM5\[.*:route53:::hostedzone/\*\]": "Their records may be in any zone; only DELETE is allowed.",
    r"AwsSolutions-IAM5\[.*:capacity-provider/\*\]": "Services name their providers; they are read, and not changed.",
    r"AwsSolutions-IAM5\[.*:glue:.*:table/steady_logs/\*\]": "The catalogue's own tables, whose names follow the logs.",
    r"AwsSolutions-IAM5\[Resource::<Logs.*\.Arn>/\*\]": "Aggregators may put any log object, and do nothing else.",
    r"AwsSolutions-IAM5\[Resource::<Statuses.*\.Arn>/tasks/\*\]": "Any task's status, under its one prefix.",
    r"AwsSolutions-ECS2": "fluentd's configuration, and names; no secret is among them.",
    r"AwsSolutions-ELB2": "A network load balancer writes access logs of TLS listeners only.",
    r"AwsSolutions-SMG4": "Grafana takes it at its first start only; a password is changed there.",
    r"Serverless-LambdaLatestVersion": "Python 3.13 is the runtime that the pinned Powertools layer is made for.",
    r"Serverless-LambdaDLQ": "The queues that feed the functions have dead-letter queues; a tick has a successor.",
    r"Serverless-LambdaEventSourceMappingDestination": "The same: SQS keeps what cannot be handled.",
    r"Serverless-SQSRedrivePolicy": "These are the dead-letter queues.",
    r"Serverless-EventBusDLQ": "Rules to log groups, and of alarms, whose state CloudWatch keeps anyway.",
    r"Serverless-LambdaTracing": "Each decision says why in its log line; a trace of calls would say less, and cost.",
    r"AwsSolutions-SQS3": "Unsent is itself the dead-letter queue, of rules: the check looks at queues alone.",
    r"AwsSolutions-S1": "Access logs of the log bucket would be a second log of every log; CloudTrail has data events.",
    r"AwsSolutions-IAM5\[Resource::<(Autoscaler|LogCatalog)Function.*\.Arn>:\*\]": "Its schedule may call any version.",
}


def test_every_finding_of_cdk_nag_is_one_that_is_accepted_with_its_reason(tmp_path: Path) -> None:
    # Clusters that are adopted, one of each kind that is made, and one with several pools.
    adopted = [
        {"name": "old-web", "capacity": "auto-scaling-group:old-web"},
        {"name": "old-batch", "capacity": "spot-fleet:sfr-1"},
    ]
    logs = {**EXAMPLE["logs"], "aggregators": {"cluster": "web", "allow": ["sg-0123456789abcdef0"]}}
    context = {
        **CONTEXT,
        "logs": logs,
        "monitoring": EXAMPLE["monitoring"],
        "task_status": EXAMPLE["task_status"],
        "task_launcher": {"roles": ["arn:aws:iam::123456789012:role/report"]},
        "thresholds": {"type_order": "fitting"},
        "clusters": [*adopted, *EXAMPLE["clusters"], MIXED],
    }
    app = cdk.App(context=context, outdir=str(tmp_path))
    stacks.add_to(app)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app), cdk_nag.ServerlessChecks(app))

    with pytest.raises(RuntimeError, match="ValidationFailed"):  # how jsii says that there were findings
        app.synth()

    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {v["ruleName"] for plugin in report["pluginReports"] for v in plugin["violations"]}
    assert found, "the rules were not run"
    assert {rule for rule in found if not any(re.fullmatch(known, rule) for known in ACCEPTED)} == set()
    assert {known for known in ACCEPTED if not any(re.fullmatch(known, rule) for rule in found)} == set()
