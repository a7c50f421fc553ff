"""cdk-nag's AWS Solutions rules, and why each finding that is left is as it should be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import aws_cdk as cdk
import cdk_nag
import pytest

from infra import stacks
from tests.infra.test_stacks import CONTEXT

# What is accepted, and why. A wildcard is accepted only where its statement has a condition, or AWS knows no resource.
ACCEPTED = {
    r"AwsSolutions-L1": "Python 3.13 is the runtime that the pinned Powertools layer is made for.",
    r"AwsSolutions-IAM5\[Resource::\*\]": "Describe and List actions without a resource (see infra/permissions.py).",
    r"AwsSolutions-IAM5\[.*:parameter/steady/(defaults|clusters)/\*\]": "All parameters under the suite's own path.",
    r"AwsSolutions-IAM5\[.*:ecs:.*:(container-instance|task|service)/(web|batch)/\*\]": "Of our clusters only.",
    r"AwsSolutions-IAM5\[.*:autoScalingGroup:\*:autoScalingGroupName/web\]": "A group's ARN has an id before its name.",
    r"AwsSolutions-IAM5\[.*:ec2:.*:instance/\*\]": "Limited by the tag of our Spot Fleets.",
    r"AwsSolutions-IAM5\[.*:targetgroup/\*\]": "Any service's target group may have to let a doomed task go.",
    r"AwsSolutions-IAM5\[Resource::<AutoscalerFunction.*\.Arn>:\*\]": "The schedule may invoke any version of it.",
}


def test_every_finding_of_cdk_nag_is_one_that_is_accepted_with_its_reason(tmp_path: Path) -> None:
    app = cdk.App(context=CONTEXT, outdir=str(tmp_path))
    stacks.add_to(app)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))

    with pytest.raises(RuntimeError, match="ValidationFailed"):  # how jsii says that there were findings
        app.synth()

    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {v["ruleName"] for plugin in report["pluginReports"] for v in plugin["violations"]}
    assert found, "the rules were not run"
    assert {rule for rule in found if not any(re.fullmatch(known, rule) for known in ACCEPTED)} == set()
    assert {known for known in ACCEPTED if not any(re.fullmatch(known, rule) for rule in found)} == set()
