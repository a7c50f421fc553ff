"""Which instances of a pool are not what it launches today: by image, launch template, type or age."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from steady.aws.capacity.ec2_instances import Origin, known_origins, read_origins
from steady.aws.runtime import Runtime
from steady.drift import Drift
from steady.pools import Pool, PoolKind, TemplateName
from steady.thresholds import Thresholds

DAY_S = 86_400
# Auto Scaling API, InstanceRefresh: while it has one of these, the group itself replaces instances.
REFRESHING = frozenset({"Pending", "InProgress", "Baking", "RollbackInProgress", "Cancelling"})
# EC2 API, RequestLaunchTemplateData: an image may be named by a parameter of SSM.
ALIAS = "resolve:ssm:"
DENIED = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True, slots=True)
class Launched:
    """What the pool launches today from one template; `image` is "" if that is not known."""

    name: TemplateName
    template: str
    version: str
    image: str

    def __str__(self) -> str:
        return f"{self.image or 'an image'} ({self.template}, version {self.version})"

    def has_image_of(self, origin: Origin) -> bool:
        return not self.image or self.image == origin.image

    def is_like(self, origin: Origin) -> bool:
        """Whether `origin` is this. An instance that EC2 has not tagged is compared by its image alone."""
        is_from_it = not origin.template or (origin.template, origin.version) == (self.template, self.version)
        return is_from_it and self.has_image_of(origin)


def with_drift(runtime: Runtime, pool: Pool, thresholds: Thresholds) -> Pool:
    """Return `pool` with the instances that renewal is to replace; as it is where `renew` is off.

    A pool that launches nothing any more has none: nothing would come in their place.

    What cannot be read is said, and nothing is renewed.
    """
    if thresholds.renew == "off" or pool.traits.is_one_time:
        return pool
    try:
        return read_drift(runtime, pool, thresholds)
    except Exception as error:
        runtime.telemetry.warning(
            f"which instances of {pool.name} are out of date could not be read, so none is renewed; the next look "
            f"tries again: {error}"
        )
        return replace(pool, drift_unread=str(error) or type(error).__name__)


def read_drift(runtime: Runtime, pool: Pool, thresholds: Thresholds) -> Pool:
    """Return `pool` with its drifted instances, by id, each with its cause, and with what it launches today.

    An instance that EC2 does not describe yet is neither drifted nor known to be current.
    """
    today = [_launched(runtime, name) for name in pool.templates]
    read_origins(runtime, pool.members)
    origins = known_origins(runtime, pool.members)
    causes = {id_: _cause(runtime, pool, id_, origins[id_], today, thresholds) for id_ in sorted(origins)}
    drifted = {id_: cause for id_, cause in causes.items() if cause}
    refreshing = pool.name.kind is PoolKind.AUTO_SCALING_GROUP and bool(drifted) and _is_refreshing(runtime, pool)
    return replace(
        pool,
        drifted=drifted,
        current=frozenset(causes) - frozenset(drifted),
        launches=", ".join(sorted({str(one) for one in today}))
        or (f"the launch configuration {pool.configuration}" if pool.configuration else "its launch specifications"),
        refreshing=refreshing,
    )


def _cause(
    runtime: Runtime, pool: Pool, id_: str, origin: Origin, today: Collection[Launched], thresholds: Thresholds
) -> Drift | None:
    """Return why an instance is not what the pool launches today; None if it is."""
    type_ = pool.members[id_]
    # Those of its type; of a type that the pool no longer names, all.
    fits = [one for one in today if not one.name.types or type_ in one.name.types] or today
    if fits and not any(one.has_image_of(origin) for one in fits):
        return Drift.IMAGE
    if fits and not any(one.is_like(origin) for one in fits):
        return Drift.TEMPLATE
    # A launch configuration cannot be changed: a group is given another one, or a launch template, or one in place of a
    # template (Auto Scaling User Guide, "Launch configurations").
    if pool.configured.get(id_, "" if origin.template else pool.configuration) != pool.configuration:
        return Drift.TEMPLATE
    if pool.named_types and type_ not in pool.named_types:
        return Drift.TYPE
    age_s = runtime.now() - origin.launched_at
    return Drift.AGE if thresholds.max_instance_age and age_s >= thresholds.max_instance_age * DAY_S else None


def _launched(runtime: Runtime, name: TemplateName) -> Launched:
    """Return what the pool launches now from the template that it names so.

    An image that is named by a parameter of SSM is what that stands for now (EC2 API, ResolveAlias), for which EC2
    needs the caller's right to read the parameter. Where that is missing, the version alone is compared.
    """
    try:
        found = template_version(runtime, name, resolves=True)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        found = template_version(runtime, name)
    image = name.image or found["LaunchTemplateData"].get("ImageId", "")
    known = "" if image.startswith(ALIAS) else image
    return Launched(name, found["LaunchTemplateId"], str(found["VersionNumber"]), known)


def template_version(runtime: Runtime, name: TemplateName, *, resolves: bool = False) -> Any:
    """Return a version of a launch template, as EC2 describes it.

    Args:
        resolves: whether an image that is named by a parameter of SSM is shown as what that stands for.

    Raises:
        LookupError: if the template has no such version.
    """
    # EC2 API, DescribeLaunchTemplateVersions: the id or the name, and not both.
    by: dict[str, Any] = {"LaunchTemplateId": name.id} if name.id else {"LaunchTemplateName": name.name}
    answer = runtime.ec2.describe_launch_template_versions(**by, Versions=[name.version], ResolveAlias=resolves)
    if not answer["LaunchTemplateVersions"]:
        raise LookupError(f"launch template {name.id or name.name} has no version {name.version}")
    return answer["LaunchTemplateVersions"][0]


def _is_refreshing(runtime: Runtime, pool: Pool) -> bool:
    answer = runtime.autoscaling_once.describe_instance_refreshes(AutoScalingGroupName=pool.name.name, MaxRecords=1)
    return any(one.get("Status") in REFRESHING for one in answer["InstanceRefreshes"])
