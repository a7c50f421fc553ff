"""EC2 instances: a group or a fleet launches them, they register, they may stop and start, and they are terminated."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.clock import Clock
from simulator.durations import drawn
from simulator.ecs.interfaces import interfaces_of, takes_trunk
from simulator.ecs.scheduler import Scheduler
from simulator.ecs.state import Cluster, ContainerInstance
from simulator.errors import AwsError
from simulator.instance_types import registered_size
from simulator.launch_templates import DEFAULT_VERSION, FIRST_IMAGE, LaunchTemplates
from simulator.timing import DEFAULT, Timing
from steady.pools import PoolName, Purchase

# Mean seconds from the launch to the registration with ECS.
BOOT_S = 90.0
# A boot takes from 0.8 to 1.3 times the mean.
BOOT_SPREAD = (0.8, 1.3)
# With a tail (`Timing.boot_tail`), no boot takes less than this multiple of the mean.
SHORTEST_BOOT = 0.6
# Seconds from the start of a stopped instance until its ECS agent is connected again.
RESTART_S = 30.0
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
# EC2 describes a terminated instance for about an hour.
FORGOTTEN_AFTER_S = 3600.0


@dataclass(eq=False, slots=True)
class Ec2Instance:
    """One EC2 instance. Times are in seconds since the epoch.

    Attributes:
        container_instance: its newest registration with ECS; None before.
        stale: its earlier registrations. Their tasks run on, and no agent hears of their stop.
        doomed_at: when its interruption notice was sent; None: none was sent.
        interruption: what its interruption notice says that EC2 does: terminate, stop or hibernate.
        boots: whether it ever registers.
        target_groups: the ARNs of the target groups in which its pool registers it.
        stopped: whether it is stopped or hibernated. It keeps its id (EC2 User Guide, "Stop and start").
        reservation: the id of the Capacity Reservation that it runs in; "": none.
        refuses_termination: the error with which AWS refuses to terminate it; None: AWS does not refuse.
        provider: the capacity provider that its container instance is of; "": of none.
        attributes: the custom attributes that its agent registers it with.
        image: the image that it was launched from.
        launched_at: when it was launched.
    """

    id: str
    instance_type: str
    cluster: Cluster
    zone: str
    tags: dict[str, str]
    on_terminated: Callable[[Ec2Instance], None]
    container_instance: ContainerInstance | None = None
    stale: list[ContainerInstance] = field(default_factory=list)
    doomed_at: float | None = None
    interruption: str = "terminate"
    terminated_at: float | None = None
    boots: bool = True
    on_demand: bool = False
    target_groups: tuple[str, ...] = ()
    stopped: bool = False
    reservation: str = ""
    refuses_termination: AwsError | None = None
    provider: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    image: str = FIRST_IMAGE
    launched_at: float = 0.0

    def registrations(self) -> list[ContainerInstance]:
        """Return all its registrations with ECS."""
        return [*self.stale, *([self.container_instance] if self.container_instance else [])]

    @property
    def alive(self) -> bool:
        return self.terminated_at is None

    @property
    def pool(self) -> str:
        """The name of the group, or the id of the fleet, that has launched it; "": of none."""
        found = PoolName.in_tags(self.tags)
        return found.name if found else ""


@dataclass
class Hours:
    """Instance-hours from launch to termination, by cluster, pool, purchase (on-demand, spot) and type."""

    finished: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    running: dict[str, tuple[tuple[str, str, str, str], float]] = field(default_factory=dict)

    def begin(self, instance: Ec2Instance, now: float) -> None:
        """Count the hours of `instance` from `now` on."""
        bought = Purchase.ON_DEMAND if instance.on_demand else Purchase.SPOT
        of = instance.cluster.name, instance.pool, bought, instance.instance_type
        self.running[instance.id] = of, now

    def end(self, instance: Ec2Instance, now: float) -> None:
        """Count the hours of `instance` up to `now`."""
        what, since = self.running.pop(instance.id)
        self.finished[what] += (now - since) / 3600  # type: ignore[assignment]

    def until(self, now: float, cluster: str = "", pool: str = "") -> dict[str, dict[str, float]]:
        """Return the hours until `now` of the instances of `cluster` and `pool`, or of all, by purchase, then by type.

        Args:
            pool: the name of a group, or the id of a fleet.
        """
        hours = Counter(self.finished)
        for what, since in self.running.values():
            hours[what] += (now - since) / 3600  # type: ignore[assignment]
        found: dict[str, dict[str, float]] = {Purchase.ON_DEMAND: {}, Purchase.SPOT: {}}
        for (of, of_pool, bought, type_), of_type in sorted(hours.items()):
            if cluster in ("", of) and pool in ("", of_pool):
                found[bought][type_] = found[bought].get(type_, 0.0) + of_type
        return found


class Ec2:
    """All EC2 instances of the account."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        scheduler: Scheduler,
        boot_s: float = BOOT_S,
        timing: Timing = DEFAULT,
    ) -> None:
        self.clock = clock
        self.scheduler = scheduler
        self.instances: dict[str, Ec2Instance] = {}
        self.hours = Hours()
        self.on_state: Callable[[Ec2Instance, str], None] = lambda instance, state: None
        shortest_s = SHORTEST_BOOT * boot_s if timing.boot_tail else 0.0
        further_s = drawn(boot_s - shortest_s, timing.boot_tail, BOOT_SPREAD, rng)
        self._boot_takes_s: Callable[[], float] = lambda: shortest_s + further_s()
        self._ids = itertools.count(1)
        self.templates = LaunchTemplates()

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
        provider: str = "",
        attributes: Mapping[str, str] | None = None,
        zone: str = "",
        boot_share: float = 1.0,
        template: str = "",
        version: str = DEFAULT_VERSION,
    ) -> Ec2Instance:
        """Launch an instance that registers with `cluster` once it has booted.

        Args:
            booted: register at once.
            boots: register at all; a broken image does not.
            target_groups: ARNs of the target groups in which the pool registers the instance once it has booted.
            provider: the capacity provider of the pool.
            attributes: those that the pool's user data gives to its container instances.
            zone: its Availability Zone; "": each in turn.
            boot_share: its boot takes this fraction of what others take.
            template, version: the launch template of the pool; "": it has none.
        """
        number = next(self._ids)
        where = zone or ZONES[number % len(ZONES)]
        instance = Ec2Instance(f"i-{number:017x}", instance_type, cluster, where, tags, on_terminated)
        instance.on_demand, instance.boots, instance.target_groups = on_demand, boots, target_groups
        instance.provider, instance.launched_at = provider, self.clock.now
        instance.attributes = attributes or {}
        if template:
            self.templates.launch(instance.tags, template, version)
            instance.image = self.templates.image(template, version)
            instance.boots = boots and instance.image not in self.templates.broken
        self.instances[instance.id] = instance
        self.hours.begin(instance, self.clock.now)
        if booted:
            self._register(instance)
        else:
            self.on_state(instance, "running")
            self.clock.after(boot_share * self._boot_takes_s(), lambda: self._register(instance))
        return instance

    def terminate(self, instance: Ec2Instance) -> None:
        """Terminate an instance at once. Tasks that are left on it are killed."""
        if not instance.alive:
            return
        instance.terminated_at = self.clock.now
        if not instance.stopped:
            self.hours.end(instance, self.clock.now)
        for registration in instance.registrations():
            self.scheduler.lose_instance(registration)
        self.clock.after(FORGOTTEN_AFTER_S, lambda: self.instances.pop(instance.id, None))
        self.on_state(instance, "shutting-down")
        instance.on_terminated(instance)

    def stop(self, instance: Ec2Instance) -> None:
        """Stop an instance at once, as a hibernation does, too. Tasks that are left on it are killed."""
        if not instance.alive or instance.stopped:
            return
        instance.stopped = True
        self.hours.end(instance, self.clock.now)
        for registration in instance.registrations():
            self.scheduler.lose_instance(registration, stopped=True)
        self.on_state(instance, "stopping")
        self.on_state(instance, "stopped")

    def start(self, instance: Ec2Instance) -> None:
        """Start a stopped instance. It has the same id, and its ECS agent reconnects `RESTART_S` seconds later."""
        if not instance.alive or not instance.stopped:
            return
        instance.stopped, instance.doomed_at = False, None
        self.hours.begin(instance, self.clock.now)
        self.on_state(instance, "running")
        self.clock.after(RESTART_S, lambda: self._restarted(instance))

    def register_again(self, instance: Ec2Instance) -> None:
        """Let the agent register once more. Its first container instance stays, disconnected.

        RegisterContainerInstance is not idempotent (amazon-ecs-agent #782, containers-roadmap #1901).
        """
        if instance.container_instance:
            self.scheduler.disconnect(instance.container_instance)
            instance.stale.append(instance.container_instance)
        self._register(instance)

    def _restarted(self, instance: Ec2Instance) -> None:
        if instance.container_instance is None:
            self._register(instance)
        elif instance.alive and not instance.stopped:
            self.scheduler.reconnect(instance.container_instance)

    def _register(self, instance: Ec2Instance) -> None:
        if not instance.alive or not instance.boots or instance.stopped:
            return
        size = registered_size(instance.instance_type)
        provider = self.scheduler.providers.get(instance.provider)
        trunked = self.scheduler.settings.trunks_in(instance.cluster) and takes_trunk(instance.instance_type)
        instance.container_instance = ContainerInstance(
            self.scheduler.new_arn("container-instance", instance.cluster),
            instance.cluster,
            instance.id,
            instance.instance_type,
            instance.zone,
            registered=size,
            remaining=size,
            provider=instance.provider,
            managed=bool(provider and not provider.group),
            interfaces=interfaces_of(instance.instance_type, trunked=trunked),
            trunked=trunked,
            fails=instance.image in self.templates.failing,
            attributes=dict(instance.attributes),
        )
        balancing = self.scheduler.balancing
        if instance.image in self.templates.unhealthy:
            balancing.failing.add(instance.id)
        for arn in instance.target_groups:
            # Auto Scaling, Spot Fleet: at the default port of the target group.
            target = balancing.register(arn, instance.id, balancing.groups[arn].port)
            instance.container_instance.targets.append(target)
        self.scheduler.register(instance.cluster, instance.container_instance)
