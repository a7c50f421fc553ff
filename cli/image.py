"""`steady image`: the machine image that a cluster's new instances start from, pinned until it is moved on purpose.

The deployment reads the AMI's id from /steady/images/CLUSTER, or of one pool of several from
/steady/images/CLUSTER/POOL. If it read AWS's own parameter, every deployment that
follows a new release of the AMI would make new launch templates, and replace Spot Fleets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.deployment import CDK_JSON, EnvOption, FileOption, read_targets
from cli.output import JsonOption, fail, say, write_json
from cli.stacks import where_there_is_one
from steady.aws.runtime import Runtime
from steady.names import IMAGES_PATH

if TYPE_CHECKING:
    from infra.settings.clusters import PlacedPool

# EC2 User Guide, "Resource IDs": hexadecimal digits.
IMAGE_ID = "ami-[0-9a-f]+"
ClusterArgument = Annotated[str, typer.Argument(help="A cluster that the deployment makes, or CLUSTER/POOL.")]
NewestOption = Annotated[bool, typer.Option("--newest", help="Move to the newest image of the row's ami.")]
IdOption = Annotated[str | None, typer.Option("--id", help="Move to this AMI, for example back to an older one.")]
BackOption = Annotated[bool, typer.Option("--back", help="Move back to the image before this one.")]


def image(
    cluster: ClusterArgument,
    newest: NewestOption = False,
    id_: IdOption = None,
    back: BackOption = False,
    env: EnvOption = None,
    cdk_json: FileOption = CDK_JSON,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Show the image of a cluster's new instances, or move it. It takes effect with the next deployment.

    Each pool that is made beside others has its own: web/gpu.

    Exit code 1: AWS refused; 2: the deployment does not make this cluster, or it has no image yet.
    """
    _refuse_unclear(newest=newest, back=back, id_=id_)
    aws = runtime(profile, region)
    pools = {pool.image: pool for pool in _pools(aws, env, cdk_json)}
    if cluster not in pools:
        fail(f"cdk.json makes no cluster {cluster} in this Region: one of {', '.join(pools) or 'none'} is needed")
    with aws_errors():
        before = pinned(aws, cluster)
        latest = newest_image(aws, pools[cluster])
        former = former_image(aws, cluster) if back and before else None
        if back and before and former is None:
            fail(f"the cluster {cluster} has had no image before {before}: name one by --id")
        after = id_ or former or (latest if newest else before)
        if after and after != before:
            pin(aws, cluster, after)
    if after is None:
        fail(f"the cluster {cluster} has no image yet: add --newest, or run steady prepare")
    write_json({"cluster": cluster, "before": before, "image": after, "newest": latest}, json_)
    if json_ == "-":
        return
    moved = f"{before or 'none'} -> {after}; deploy to use it" if after != before else after
    say(f"cluster {cluster}: {moved}")
    if after != latest:
        say(f"newest: {latest} (--newest moves to it)")


def _refuse_unclear(*, newest: bool, back: bool, id_: str | None) -> None:
    """End the command if it names two images, or one whose id is none, before AWS is asked anything."""
    given = [name for name, is_given in (("--newest", newest), ("--back", back), ("--id", id_ is not None)) if is_given]
    if len(given) > 1:
        fail(f"one of --newest, --back and --id is needed, not both {given[0]} and {given[1]}")
    if id_ is not None and not re.fullmatch(IMAGE_ID, id_):
        fail(f'--id is "{id_}": the id of an AMI such as ami-0123456789abcdef0 is needed')


def pinned(aws: Runtime, cluster: str) -> str | None:
    """Return the AMI's id that the deployment of `cluster` reads; None: it has none yet."""
    try:
        return aws.ssm.get_parameter(Name=f"{IMAGES_PATH}/{cluster}")["Parameter"]["Value"]
    except aws.ssm.exceptions.ParameterNotFound:
        return None


def former_image(aws: Runtime, cluster: str) -> str | None:
    """Return the AMI's id that the deployment of `cluster` read before the one that it reads now; None: it had none.

    That is the one before it was pinned first: a step back is not undone by the next one. SSM keeps the last 100
    versions of a parameter (Systems Manager User Guide, "Working with parameter versions").
    """
    pages = aws.ssm.get_paginator("get_parameter_history").paginate(Name=f"{IMAGES_PATH}/{cluster}")
    versions = sorted((one for page in pages for one in page["Parameters"]), key=lambda one: one["Version"])
    values = [one["Value"] for one in versions]
    first = values.index(values[-1])
    return values[first - 1] if first else None


def newest_image(aws: Runtime, pool: PlacedPool) -> str:
    """Return the AMI's id that the parameter of the pool's image holds now."""
    return aws.ssm.get_parameter(Name=pool.made.ami.parameter)["Parameter"]["Value"]


def deployed_image(cloudformation: Any, pool: PlacedPool) -> str | None:
    """Return the AMI's id that the pool was deployed with; None: there is no such stack, or no such pool in it.

    A parameter of a stack that names an SSM parameter has what it stood for at the last deployment as its ResolvedValue
    (CloudFormation API Reference, "Parameter"). Release 0.1.0 named AWS's own parameter.
    """
    stacks: list[dict[str, Any]] = []
    with where_there_is_one():
        stacks = cloudformation.describe_stacks(StackName=f"steady-cluster-{pool.cluster}")["Stacks"]
    named = (f"{IMAGES_PATH}/{pool.image}", *([pool.made.ami.parameter] if pool.is_first else []))
    of_pool = (one for stack in stacks for one in stack.get("Parameters", []) if one.get("ParameterValue") in named)
    return next((one["ResolvedValue"] for one in of_pool if one.get("ResolvedValue", "").startswith("ami-")), None)


def pin(aws: Runtime, cluster: str, image_id: str) -> None:
    """Let the next deployments of `cluster` use the AMI `image_id`. Safe to repeat."""
    aws.ssm.put_parameter(
        Name=f"{IMAGES_PATH}/{cluster}",
        Value=image_id,
        Type="String",
        AllowedPattern=f"^{IMAGE_ID}$",
        Description=f"The image of new instances of {cluster} (steady image {cluster}).",
        Overwrite=True,
    )


def _pools(aws: Runtime, env: str | None, cdk_json: Any) -> Iterator[PlacedPool]:
    region = aws.ssm.meta.region_name
    for target in read_targets(cdk_json, env):
        if target.settings.region in ("", region):
            yield from target.settings.made_pools
