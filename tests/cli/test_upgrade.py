"""From the release before to today's: what operators have set holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk.assertions import Template
from typer.testing import CliRunner

from cli.main import app
from infra import stacks
from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from tests.cli.cloudformation import Stacks

BEFORE = Path(__file__).parents[1] / "infra" / "previous_release"


def templates_of(kind: str) -> dict[str, Any]:
    """The templates of cdk.json's example, by the names of the files in `previous_release`; `batch` is of this kind."""
    context = json.loads(Path("cdk.json").read_text())["context"]
    [batch] = [row for row in context["environments"]["example"]["clusters"] if row["name"] == "batch"]
    batch["kind"] = kind
    [added] = stacks.add_to(cdk.App(context=context))
    clusters = {f"cluster-{stack.row.name}": stack for stack in added.clusters}
    return {name: Template.from_stack(s).to_json() for name, s in {"state": added.state, **clusters}.items()}


@pytest.fixture(scope="module")
def today() -> dict[str, Any]:
    """The templates once the changelog was read: a row that was `spot` is `spot-fleet`."""
    return templates_of("spot-fleet")


@pytest.fixture
def deployed(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """An account with the release before."""
    account = Stacks(aws.client("ssm"))
    for name in ("state", "cluster-web", "cluster-batch"):
        account.deploy(f"steady-{name}", json.loads((BEFORE / f"{name}.json").read_text()))
    # The value of `capacity` is a reference in the template.
    account.ssm.put_parameter(Name="/steady/clusters/web/capacity", Value="auto-scaling-group:web", Overwrite=True)
    account.ssm.put_parameter(Name="/steady/clusters/batch/capacity", Value="spot-fleet:sfr-1", Overwrite=True)
    client = boto3.Session.client

    def made(session: boto3.Session, name: str, **more: Any) -> Any:
        return account if name == "cloudformation" else client(session, name, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3.Session, "client", made)
    return account


def upgraded() -> Any:
    done = CliRunner().invoke(app, ["upgrade", "--json", "-"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["kept"]


def operators_set(account: Stacks, path: str, value: str) -> None:
    account.ssm.put_parameter(Name=f"/steady/{path}", Value=value, Type="String", Overwrite=True)


def values(aws: boto3.Session, cluster: str) -> dict[str, Any]:
    return parameters.read_parameters(Runtime(session=aws), cluster).values


def deploy(account: Stacks, today: dict[str, Any]) -> None:
    for name in ("state", "cluster-web", "cluster-batch"):
        account.deploy(f"steady-{name}", today[name])


def test_without_the_command_an_upgrade_undoes_what_operators_have_set(
    deployed: Stacks, aws: boto3.Session, today: dict[str, Any]
) -> None:
    operators_set(deployed, "defaults/mode", "paused")

    deploy(deployed, today)

    assert values(aws, "web")["mode"] == "active"


def test_a_fleet_whose_row_still_says_spot_is_retained_with_its_role(deployed: Stacks) -> None:
    before = deployed.templates["steady-cluster-batch"]["Resources"]
    deleted = set(before) - set(templates_of("spot")["cluster-batch"]["Resources"])
    of_fleet = {name for name in deleted if name.startswith("ClusterFleet")}
    assert len(of_fleet) == 2, "CloudFormation would delete the fleet with its instances, and its role"

    upgraded()

    after = deployed.templates["steady-cluster-batch"]["Resources"]
    assert {after[name].get("DeletionPolicy") for name in of_fleet} == {"Retain"}


def test_what_operators_have_set_holds_after_an_upgrade(
    deployed: Stacks, aws: boto3.Session, today: dict[str, Any]
) -> None:
    operators_set(deployed, "defaults/mode", "dry-run")
    operators_set(deployed, "defaults/drift_seconds", "45")
    operators_set(deployed, "clusters/web/mode", "paused")
    operators_set(deployed, "clusters/web/max_capacity", "77")
    before = {name: values(aws, name) for name in ("web", "batch")}

    kept = {row["parameter"] for row in upgraded()}
    assert kept == {f"/steady/{n}" for n in ("defaults/mode", "defaults/drift_seconds", "clusters/web/max_capacity")}
    once = json.dumps(deployed.templates)
    upgraded()
    assert json.dumps(deployed.templates) == once, "the second time changes nothing"
    deploy(deployed, today)

    assert {name: values(aws, name) for name in ("web", "batch")} == before
    assert before["web"]["mode"] == "paused"
    # What the rows say is the deployment's now.
    assert (
        parameters.read_parameters(Runtime(session=aws), "batch")
        .held["max_capacity"]
        .path.startswith("/steady/deployed/")
    )
    # The next deployment changes nothing either.
    deployed.deploy(
        "steady-cluster-web", json.loads(json.dumps(today["cluster-web"]).replace("An operator", "Any operator"))
    )
    assert {name: values(aws, name) for name in ("web", "batch")} == before


def test_a_dry_run_changes_nothing(deployed: Stacks) -> None:
    operators_set(deployed, "defaults/mode", "dry-run")
    before = json.dumps(deployed.templates)

    done = CliRunner().invoke(app, ["upgrade", "--dry-run"])

    assert done.exit_code == 0
    assert "/steady/defaults/mode" in done.stdout
    assert json.dumps(deployed.templates) == before


def test_a_value_that_an_operator_set_is_no_obstacle_to_a_deployment_that_names_it(
    aws: boto3.Session, today: dict[str, Any]
) -> None:
    account = Stacks(aws.client("ssm"))
    operators_set(account, "clusters/web/max_capacity", "12")
    operators_set(account, "defaults/drift_seconds", "12")

    deploy(account, today)

    assert (values(aws, "web")["max_capacity"], values(aws, "web")["drift_seconds"]) == (12, 12)


def before(name: str) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((BEFORE / f"{name}.json").read_text())
    return template


def test_the_keys_are_named_that_keep_what_is_deployed(deployed: Stacks) -> None:
    network, monitoring = before("network"), before("monitoring")
    deployed.templates |= {"steady-network": network, "steady-monitoring": monitoring}

    needed = json.loads(CliRunner().invoke(app, ["upgrade", "--json", "-"]).stdout)["cdk.json"]

    assert needed == ['in the row of the cluster batch: "keep_order": true'], "a, b and c are where they were"


def test_a_network_for_other_zones_is_named_too(deployed: Stacks) -> None:
    network, monitoring = before("network"), before("monitoring")
    # Release 0.1.0 for the zones a and c, and monitoring in c and a.
    for subnet, zone, block in (
        ("VpcPrivateSubnet1Subnet536B997A", "us-east-1a", "10.0.128.0/18"),
        ("VpcPrivateSubnet2Subnet3788AAA1", "us-east-1c", "10.0.192.0/18"),
    ):
        network["Resources"][subnet]["Properties"] |= {"AvailabilityZone": zone, "CidrBlock": block}
    del network["Resources"]["VpcPrivateSubnet3SubnetF258B56E"]
    first, second = (
        monitoring["Resources"][name]["Properties"]
        for name in ("FilesEfsMountTarget1AB817C34", "FilesEfsMountTarget22C8423FA")
    )
    first["SubnetId"], second["SubnetId"] = second["SubnetId"], first["SubnetId"]
    del monitoring["Resources"]["FilesEfsMountTarget38F3FD152"]
    deployed.templates |= {"steady-network": network, "steady-monitoring": monitoring}

    done = CliRunner().invoke(app, ["upgrade"])

    assert '"network": {"made_for": ["us-east-1a", "us-east-1c"]}' in done.stdout
    assert 'in "monitoring": "made_for": ["us-east-1c", "us-east-1a"]' in done.stdout
