"""`steady prepare` and `steady image`: what is pinned stays, and is moved on purpose alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk.assertions import Annotations, Match
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli.image import deployed_image
from cli.main import app
from infra import stacks
from infra.settings.target import targets_in

OURS = "/images/ours"
ROWS: list[dict[str, Any]] = [
    {"name": "web", "kind": "on-demand", "types": {"m5.large": 1}, "zones": ["us-east-1a"]},
    {"name": "batch", "kind": "spot", "types": {"m5.large": 1}, "zones": ["us-east-1a"]},
    {"name": "old", "capacity": "auto-scaling-group:old"},
]


@pytest.fixture
def account(aws: boto3.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An account without the suite, and the folder of a deployment to it; returns the account's SSM client."""
    monkeypatch.chdir(tmp_path)
    describe([*ROWS])
    ssm = aws.client("ssm")
    release(ssm, "ami-1")
    return ssm


def describe(rows: list[dict[str, Any]], **target: Any) -> None:
    context = {"images": {"common": {"parameter": OURS}}, "clusters": rows, **target}
    Path("cdk.json").write_text(json.dumps({"app": "python app.py", "context": context}))


def release(ssm: Any, image_id: str) -> None:
    ssm.put_parameter(Name=OURS, Value=image_id, Type="String", Overwrite=True)


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done.output


def image_of(ssm: Any, cluster: str) -> str:
    return str(ssm.get_parameter(Name=f"/steady/images/{cluster}")["Parameter"]["Value"])


def test_the_first_deployment_pins_the_newest_image_and_the_next_ones_keep_it(account: Any) -> None:
    run("prepare")
    release(account, "ami-2")
    run("prepare")

    assert (image_of(account, "web"), image_of(account, "batch")) == ("ami-1", "ami-1")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        image_of(account, "old")


def test_an_image_is_moved_on_purpose_and_of_one_cluster_alone(account: Any) -> None:
    run("prepare")
    release(account, "ami-2")

    assert "newest: ami-2" in run("image", "web")
    assert image_of(account, "web") == "ami-1", "a look moves nothing"
    assert "ami-1 -> ami-2; deploy to use it" in run("image", "web", "--newest")
    assert (image_of(account, "web"), image_of(account, "batch")) == ("ami-2", "ami-1")
    run("image", "web", "--id", "ami-1")
    assert image_of(account, "web") == "ami-1", "and back"


def test_each_step_back_leads_to_an_older_image_and_none_to_the_one_that_was_left(account: Any) -> None:
    run("prepare")
    assert "has had no image before ami-1: name one by --id" in run("image", "web", "--back", code=2)
    for number in range(2, 13):
        release(account, f"ami-{number}")
        run("image", "web", "--newest")

    assert "ami-12 -> ami-11; deploy to use it" in run("image", "web", "--back")
    assert "ami-11 -> ami-10" in run("image", "web", "--back"), "and not to ami-12 again"
    assert "ami-10 -> ami-12" in run("image", "web", "--newest")
    assert "ami-12 -> ami-11" in run("image", "web", "--back")


def test_a_cluster_that_the_deployment_does_not_make_has_no_image(account: Any) -> None:
    assert "cdk.json makes no cluster old in this Region: one of web, batch is needed" in run("image", "old", code=2)
    assert "has no image yet" in run("image", "web", code=2)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--back"], "the cluster web has no image yet: add --newest, or run steady prepare"),
        (["--id", "amazon"], '--id is "amazon": the id of an AMI such as ami-0123456789abcdef0 is needed'),
        (["--id", ""], '--id is "": the id of an AMI such as ami-0123456789abcdef0 is needed'),
        (["--back", "--newest"], "one of --newest, --back and --id is needed, not both --newest and --back"),
        (["--back", "--id", "ami-1"], "one of --newest, --back and --id is needed, not both --back and --id"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_an_image_that_cannot_be_meant_is_refused_in_a_line(account: Any, options: list[str], line: str) -> None:
    assert run("image", "web", *options, code=2) == f"error: {line}\n"


def test_a_deployment_of_the_release_before_keeps_the_image_that_it_has(
    account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = [{"ParameterKey": "SsmParameterValueaws", "ParameterValue": OURS, "ResolvedValue": "ami-0"}]

    class CloudFormation:
        def describe_stacks(self, **stack: str) -> dict[str, Any]:
            assert stack == {"StackName": "steady-cluster-web"}
            return {"Stacks": [{"Parameters": [{"ParameterKey": "BootstrapVersion"}, *parameters]}]}

    [target] = targets_in({"images": {"common": {"parameter": OURS}}, "clusters": ROWS})
    assert deployed_image(CloudFormation(), target.settings.made_pools[0]) == "ami-0"


def test_each_pool_that_is_made_has_an_image_of_its_own(account: Any) -> None:
    gpu = {"name": "gpu", "kind": "spot", "types": {"g5.xlarge": 1}, "zones": ["us-east-1a"]}
    arm = {**gpu, "name": "arm", "types": {"m6g.large": 1}, "ami": "arm"}
    theirs = {"name": "theirs", "capacity": "auto-scaling-group:theirs"}
    images = {
        "common": {"parameter": OURS},
        "gpu": {"parameter": OURS, "gpu": True},
        "arm": {"parameter": OURS, "architecture": "arm64"},
    }
    describe([{"name": "mix", "cluster": "made", "pools": [gpu, arm, theirs]}], images=images)
    assert "steady image mix/gpu --newest" in run("prepare")
    release(account, "ami-2")

    assert "mix/gpu: ami-1 -> ami-2" in run("image", "mix/gpu", "--newest")
    assert (image_of(account, "mix/gpu"), image_of(account, "mix/arm")) == ("ami-2", "ami-1")
    assert "one of mix/gpu, mix/arm is needed" in run("image", "mix", code=2)


def test_a_fresh_account_gets_ec2s_roles_for_spot_once(account: Any, aws: boto3.Session) -> None:
    assert "of spotfleet.amazonaws.com is made" in run("prepare")
    assert "is made" not in run("prepare")

    paths = {role["Path"] for role in aws.client("iam").list_roles()["Roles"]}
    assert paths == {f"/aws-service-role/{service}/" for service in ("spot.amazonaws.com", "spotfleet.amazonaws.com")}


def test_without_a_fleet_no_role_is_made(account: Any, aws: boto3.Session) -> None:
    describe([ROWS[0]])
    run("prepare")

    assert aws.client("iam").list_roles()["Roles"] == []


def test_a_row_that_was_taken_out_is_named(account: Any) -> None:
    for cluster in ("web", "gone"):
        account.put_parameter(Name=f"/steady/clusters/{cluster}/capacity", Value="auto-scaling-group:x", Type="String")

    said = run("prepare")

    assert "cluster gone has no row in cdk.json" in said
    assert "docs/cluster-removal.md" in said
    assert "cluster web has no row" not in said


def warnings() -> list[str]:
    """What `cdk synth` says of the folder's deployment, with the context that the CDK's CLI gives to the app."""
    context = json.loads(Path("cdk.json").read_text())["context"] | json.loads(Path("cdk.context.json").read_text())
    added = stacks.add_to(cdk.App(context=context))
    found = [
        one for target in added for one in Annotations.from_stack(target.state).find_warning("*", Match.any_value())
    ]
    return [str(one.entry.data) for one in found]


def test_synth_names_it_too_without_credentials(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("cdk.context.json").write_text('{"acknowledged-issue-numbers": [19836]}')
    # Before the first deployment: no parameter is there yet.
    run("prepare")
    assert warnings() == []
    for row in ROWS:
        account.put_parameter(Name=f"/steady/clusters/{row['name']}/capacity", Value="spot-fleet:x", Type="String")

    describe(ROWS[1:])
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    [said] = warnings()
    assert "cluster web has no row in cdk.json" in said
    assert "docs/cluster-removal.md" in said
    context = json.loads(Path("cdk.context.json").read_text())
    assert context == {"acknowledged-issue-numbers": [19836], "steady:clusters": ["batch", "old", "web"]}


def test_a_cluster_that_was_removed_is_forgotten_at_the_next_prepare(account: Any) -> None:
    account.put_parameter(Name="/steady/clusters/gone/capacity", Value="spot-fleet:x", Type="String")
    run("prepare")
    assert len(warnings()) == 1

    account.delete_parameter(Name="/steady/clusters/gone/capacity")
    run("prepare")

    assert warnings() == []


def test_each_target_has_clusters_of_its_own(account: Any) -> None:
    for cluster in ("web", "theirs"):
        account.put_parameter(Name=f"/steady/clusters/{cluster}/capacity", Value="spot-fleet:x", Type="String")
    here = {"account": "123456789012", "region": "us-east-1", "clusters": [ROWS[0]]}
    there = {"account": "999999999999", "region": "us-east-1", "clusters": [ROWS[0]]}
    context = {"env": "prod", "environments": {"prod": [here, there]}, "images": {"common": {"parameter": OURS}}}
    Path("cdk.json").write_text(json.dumps({"app": "python app.py", "context": context}))

    run("prepare")

    kept = json.loads(Path("cdk.context.json").read_text())
    assert kept == {"steady:clusters:prod-123456789012-us-east-1": ["theirs", "web"]}
    assert len(warnings()) == 1


@pytest.mark.parametrize("kept", ['"web"', "null", "{}", '["web", 7]'])
def test_a_context_that_somebody_wrote_by_hand_stops_no_synth(account: Any, kept: str) -> None:
    Path("cdk.context.json").write_text(f'{{"steady:clusters": {kept}}}')

    assert warnings() == []


def test_a_context_file_that_cannot_be_read_is_named(account: Any) -> None:
    Path("cdk.context.json").write_text("{")

    assert "cdk.context.json cannot be read as JSON" in run("prepare", code=2)


def test_an_account_that_the_credentials_are_not_of_is_not_prepared(account: Any) -> None:
    describe([ROWS[0]], account="999999999999")

    assert "account 999999999999: not prepared, since the credentials are those of 123456789012" in run("prepare")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        image_of(account, "web")


def test_a_wrong_cdk_json_is_refused_in_a_line(account: Any) -> None:
    describe([{**ROWS[0], "zones": []}])

    assert 'cdk.json: clusters[0] "web", zones is []' in run("prepare", code=2)
    Path("cdk.json").write_text("{")
    assert "cdk.json has no context that can be read" in run("prepare", code=2)
