"""EC2 instances: a group or a fleet launches them, they register with their cluster, and they are terminated."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.clock import Clock
from simulator.ecs.scheduler import Scheduler
from simulator.ecs.state import Cluster, ContainerInstance
from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.instance_types import NoSuchInstanceType, described, registered_size
from steady.pools import Purchase

# Mean seconds from the launch to the registration with ECS.
BOOT_S = 90.0
# A boot takes from 0.8 to 1.3 times the mean.
BOOT_SPREAD = (0.8, 1.3)
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
# EC2 describes a terminated instance for about an hour.
FORGOTTEN_AFTER_S = 3600.0


@dataclass(eq=False, slots=True)
class Ec2Instance:
    """One EC2 instance. Times are in seconds since the epoch.

    Attributes:
        container_instance: its registration with ECS; None before.
        doomed_at: when its interruption notice was sent; None: none was sent.
        boots: whether it ever registers.
        target_groups: the ARNs of the target groups in which its pool registers it.
    """

    id: str
    instance_type: str
    cluster: Cluster
    zone: str
    tags: dict[str, str]
    on_terminated: Callable[[Ec2Instance], None]
    container_instance: ContainerInstance | None = None
    doomed_at: float | None = None
    terminated_at: float | None = None
    boots: bool = True
    on_demand: bool = False
    target_groups: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        return self.terminated_at is None


@dataclass
class Hours:
    """Instance-hours from launch to termination, by purchase (on-demand, spot) and type."""

    finished: Counter[tuple[str, str]] = field(default_factory=Counter)
    running: dict[str, tuple[tuple[str, str], float]] = field(default_factory=dict)

    def begin(self, instance: Ec2Instance, now: float) -> None:
        """Count the hours of `instance` from `now` on."""
        bought = Purchase.ON_DEMAND if instance.on_demand else Purchase.SPOT
        self.running[instance.id] = (bought, instance.instance_type), now

    def end(self, instance: Ec2Instance, now: float) -> None:
        """Count the hours of `instance` up to `now`."""
        what, since = self.running.pop(instance.id)
        self.finished[what] += (now - since) / 3600  # type: ignore[assignment]

    def until(self, now: float) -> dict[str, dict[str, float]]:
        """Return the hours of all instances until `now`, by purchase, then by type."""
        hours = Counter(self.finished)
        for what, since in self.running.values():
            hours[what] += (now - since) / 3600  # type: ignore[assignment]
        found: dict[str, dict[str, float]] = {Purchase.ON_DEMAND: {}, Purchase.SPOT: {}}
        for (bought, type_), of_type in sorted(hours.items()):
            found[bought][type_] = of_type
        return found


class Ec2:
    """All EC2 instances of the account."""

    def __init__(self, clock: Clock, rng: random.Random, scheduler: Scheduler, boot_s: float = BOOT_S) -> None:
        self.clock = clock
        self.scheduler = scheduler
        self.instances: dict[str, Ec2Instance] = {}
        self.hours = Hours()
        self.on_state: Callable[[Ec2Instance, str], None] = lambda instance, state: None
        self._rng = rng
        self._boot_s = boot_s
        self._ids = itertools.count(1)

    def launch(
        self,
        cluster: Cluster,
        instance_type: str,
        tags: dict[str, str],
        on_terminated: Callable[[Ec2Instance], None],
        *,
        booted: bool = False,
        boots: bool = True,
        on_demand: bool = False,
        target_groups: tuple[str, ...] = (),
    ) -> Ec2Instance:
        """Launch an instance that registers with `cluster` once it has booted.

        Args:
            booted: register at once.
            boots: register at all; a broken image does not.
            target_groups: ARNs of the target groups in which the pool registers the instance once it has booted.
        """
        number = next(self._ids)
        zone = ZONES[number % len(ZONES)]
        instance = Ec2Instance(f"i-{number:017x}", instance_type, cluster, zone, tags, on_terminated)
        instance.on_demand, instance.boots, instance.target_groups = on_demand, boots, target_groups
        self.instances[instance.id] = instance
        self.hours.begin(instance, self.clock.now)
        if booted:
            self._register(instance)
        else:
            self.clock.after(self._boot_s * self._rng.uniform(*BOOT_SPREAD), lambda: self._register(instance))
        return instance

    def terminate(self, instance: Ec2Instance) -> None:
        """Terminate an instance at once. Tasks that are left on it are killed."""
        if not instance.alive:
            return
        instance.terminated_at = self.clock.now
        self.hours.end(instance, self.clock.now)
        if instance.container_instance:
            self.scheduler.lose_instance(instance.container_instance)
        self.clock.after(FORGOTTEN_AFTER_S, lambda: self.instances.pop(instance.id, None))
        self.on_state(instance, "shutting-down")
        instance.on_terminated(instance)

    def describe_instances(self, params: Params) -> dict[str, Any]:
        asked = [f for f in params.get("Filters", []) if f["Name"] == "instance-id"]
        if not asked or len(params["Filters"]) > 1:
            raise AwsError("InvalidParameterValue", "only the filter instance-id is simulated")
        found = [self.instances[id_] for id_ in asked[0]["Values"] if id_ in self.instances]
        return {"Reservations": [{"Instances": [_instance(i)]} for i in found]}

    def terminate_instances(self, params: Params) -> dict[str, Any]:
        missing = [id_ for id_ in params["InstanceIds"] if id_ not in self.instances]
        if missing:
            raise AwsError("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(missing)}' do not exist")
        for id_ in params["InstanceIds"]:
            self.terminate(self.instances[id_])
        return {"TerminatingInstances": [{"InstanceId": id_} for id_ in params["InstanceIds"]]}

    def describe_instance_types(self, params: Params) -> dict[str, Any]:
        try:
            return {"InstanceTypes": [described(type_) for type_ in params["InstanceTypes"]]}
        except NoSuchInstanceType as error:
            raise AwsError("InvalidInstanceType", str(error)) from error

    def _register(self, instance: Ec2Instance) -> None:
        if not instance.alive or not instance.boots:
            return
        size = registered_size(instance.instance_type)
        instance.container_instance = ContainerInstance(
            self.scheduler.new_arn("container-instance", instance.cluster),
            instance.cluster,
            instance.id,
            instance.instance_type,
            instance.zone,
            registered=size,
            remaining=size,
        )
        balancing = self.scheduler.balancing
        for arn in instance.target_groups:
            # Auto Scaling, Spot Fleet: at the default port of the target group.
            target = balancing.register(arn, instance.id, balancing.groups[arn].port)
            instance.container_instance.targets.append(target)
        self.scheduler.register(instance.cluster, instance.container_instance)


def _instance(instance: Ec2Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.instance_type,
        "State": {"Name": "running" if instance.alive else "terminated"},
        "Tags": [{"Key": k, "Value": v} for k, v in instance.tags.items()],
    }
