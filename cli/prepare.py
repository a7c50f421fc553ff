"""`steady prepare`: what an account needs before a deployment, and what the deployment would leave behind there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.deployment import CDK_JSON, EnvOption, FileOption, read_targets
from cli.image import deployed_image, newest_image, pin, pinned
from cli.output import JsonOption, fail, say, write_json
from steady.aws.runtime import Runtime
from steady.aws.settings.parameters import list_managed_clusters

if TYPE_CHECKING:
    from infra.settings.target import Settings, Target

# EC2 launches Spot Instances, and those of a Spot Fleet, with the service-linked roles of these services. A user of its
# console gets them with the first request; for the API they have to be there (EC2 User Guide, "Service-linked role for
# Spot Instance requests", "Spot Fleet permissions").
SPOT_SERVICES = ("spot.amazonaws.com", "spotfleet.amazonaws.com")
RETRIED = Config(retries={"mode": "standard"})


def prepare(
    env: EnvOption = None,
    cdk_json: FileOption = CDK_JSON,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Prepare the account for a deployment: pin images, make EC2's roles for Spot. Safe to repeat; make deploy runs it.

    It also names clusters that have no row in cdk.json any more, and writes those that there are into cdk.context.json,
    beside cdk.json: so cdk synth, diff and deploy name them, too. Exit code 1: AWS refused; 2: cdk.json is wrong.
    """
    lines: list[str] = []
    for target in read_targets(cdk_json, env):
        settings = target.settings
        aws = runtime(profile, settings.region or region)
        with aws_errors():
            account = aws.session.client("sts", config=RETRIED).get_caller_identity()["Account"]
            if settings.account not in ("", account):
                lines.append(
                    f"account {settings.account}: not prepared, since the credentials are those of {account}: run "
                    "steady prepare with its own (--profile)"
                )
                continue
            lines += [*_pin_images(aws, settings), *_make_roles(aws, settings)]
            lines += _left_behind(aws, target, cdk_json.parent)
    write_json({"lines": lines}, json_)
    if json_ != "-":
        for line in lines:
            say(line)


def _pin_images(aws: Runtime, settings: Settings) -> Iterator[str]:
    """Pin the image of each made pool that has none: the one that it is deployed with, or else the newest."""
    cloudformation = aws.session.client("cloudformation", config=RETRIED)
    for pool in settings.made_pools:
        if pinned(aws, pool.image) is None:
            image_id = deployed_image(cloudformation, pool) or newest_image(aws, pool)
            pin(aws, pool.image, image_id)
            yield f"cluster {pool.image}: new instances start from {image_id} until steady image {pool.image} --newest"


def _make_roles(aws: Runtime, settings: Settings) -> Iterator[str]:
    """Make the roles of EC2's that Spot Instances need, where any are made and the account has not got them."""
    if not settings.has_spot:
        return
    iam: Any = aws.session.client("iam", config=RETRIED)
    for service in SPOT_SERVICES:
        if not iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]:
            role = iam.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"]
            yield f"the service-linked role {role} of {service} is made: EC2 launches Spot Instances with it"


def _left_behind(aws: Runtime, target: Target, folder: Path) -> Iterator[str]:
    """Name the clusters that have a parameter and no row, and let the CDK remember all that have one or the other."""
    # It reads cdk.json's models, which take some tenths of a second.
    from infra.settings import left_behind

    managed = list_managed_clusters(aws)
    rows = {row.name for row in target.settings.clusters}
    _remember(folder / left_behind.CONTEXT_FILE, left_behind.context_key(target), sorted({*managed, *rows}))
    yield from map(left_behind.warning, left_behind.without_rows(target, managed))


def _remember(file: Path, key: str, names: list[str]) -> None:
    try:
        context = json.loads(file.read_text()) if file.exists() else {}
    except ValueError as error:
        fail(f"{file} cannot be read as JSON: {error}")
    if context.get(key) != names:
        # As the CDK writes it.
        file.write_text(json.dumps({**context, key: names}, indent=2) + "\n")
