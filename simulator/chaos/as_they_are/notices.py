"""Every kind of notice: how it ends, how often it comes, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from interruption_handler.notices import capacity_block_expiration, health_change, reservation_interruption
from simulator.auto_scaling_group import AutoScalingGroup
from simulator.chaos.as_they_are.drawn import CALM, DRAIN_SECONDS, Drawn, all_running
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Task
from simulator.spot_market import NOTICE_S
from steady.pools import PoolKind

# Seconds from the start of the trial until a maintenance begins, and ends.
STARTS_S, ENDS_S = 900.0, 1500.0
# Seconds until something that was announced is called off, and until what was stopped starts again.
CALLED_OFF_S, RESTARTED_S = (30.0, 600.0), (200.0, 900.0)
# A recommendation is over after this many seconds.
REBALANCE_S = 600
# Events come within this many seconds, in any order.
SHUFFLED_S = (0.0, 0.0, 5.0, 20.0)
RESERVATION = "cr-0b662ef9931388ba0"


@dataclass(frozen=True, slots=True)
class Course:
    """A notice, and what follows.

    Attributes:
        take: let it happen to this instance.
        goes: whether the instance goes. Otherwise it takes tasks at the end. None: either is right.
        drains: whether it may be drained meanwhile; one that may not be is never touched.
        at_once: whether nothing is announced before the instance goes: its tasks cannot be saved.
        pool: the kind of pool in which it happens; None: in every one.
    """

    take: Callable[[Noticed, Ec2Instance], None]
    goes: bool | None = False
    drains: bool = True
    at_once: bool = False
    pool: PoolKind | None = None


class Noticed(Drawn):
    """Some instances of a cluster get a notice each, drawn from `COURSES`. The others are to stay as they are."""

    name = "notices that come true, are called off, or come to nothing"
    varied = "Each kind of notice; how it ends; events twice, and in any order within 20 s"
    # Until after the end of a maintenance, with the time after which what was drained comes back.
    lasts_s = 2700.0

    def build_drawn(self) -> None:
        draw = self.draw
        kind = draw.choice(list(PoolKind))
        instances = draw.randint(3, 6)
        self.cluster = self.world.cluster(
            kind,
            "web",
            instances,
            "m5.large",
            **CALM,
            drain_seconds=DRAIN_SECONDS,
            on_rebalance="drain",
            rebalance_deadline_seconds=REBALANCE_S,
        )
        # ECS sends SIGTERM at the end of the delay: on Spot that must be in time (`infra.fitness`).
        for number in range(draw.randint(1, 3)):
            rate = draw.choice((0.0, 1.0, 3.0))
            self.cluster.service(f"api-{number}", draw.randint(1, instances), requests_per_s=rate, delay_s=45)
        self.world.run(120)
        machines = [i for i in self.cluster.ec2_instances() if i.container_instance]
        names = [name for name, course in COURSES.items() if course.pool in (None, kind)]
        self.courses = {one.id: draw.choice(names) for one in draw.sample(machines, draw.randint(1, 3))}
        self.machines = {one.id: one for one in machines}
        self.shuffled_s = draw.choice(SHUFFLED_S)
        self.touched: set[str] = set()
        self.drawn = [f"{kind}, {instances} instances", *self.courses.values(), f"shuffled {self.shuffled_s:g} s"]
        self._shuffle()

    def begin(self) -> None:
        self.began = self.world.clock.now
        self.world.clock.every(1, self._look)
        for id_, name in self.courses.items():
            at = self.began + self.draw.uniform(0, 60)
            self.world.clock.at(at, lambda one=self.machines[id_], name=name: COURSES[name].take(self, one))  # type: ignore[misc]

    def beyond_help(self) -> Collection[Task]:
        """Return the tasks on instances that go, or stop, without a notice before."""
        gone = {id_ for id_, name in self.courses.items() if COURSES[name].at_once}
        return [task for task in self.started if task.instance.ec2_id in gone]

    def broken_promises_of_scenario(self) -> list[str]:
        found = [line for id_, name in self.courses.items() for line in self._broken(self.machines[id_], COURSES[name])]
        untouchable = {id_ for id_, name in self.courses.items() if not COURSES[name].drains}
        untouchable |= set(self.machines) - set(self.courses)
        # A retired instance leaves a zone emptier: then its group replaces one of another zone, by its own choice.
        pool = self.cluster.pool
        by_group = pool.rebalanced if isinstance(pool, AutoScalingGroup) else set()
        found += [f"{id_} was drained without a reason" for id_ in sorted(untouchable & self.touched - by_group)]
        return found + all_running(self.cluster)

    def say(self, kind: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        """Send an event like the sample `kind` with this detail."""
        self.world.account.messaging.put_event(
            {"detail-type": kind["detail-type"], "source": kind["source"], "detail": {**kind["detail"], **detail}}
        )

    def health(self, machine: Ec2Instance, code: str, status: str = "upcoming", entity: str = "PENDING") -> None:
        """Let AWS Health say this about the instance."""
        times = {"startTime": self.began + STARTS_S, "endTime": self.began + ENDS_S}
        self.say(
            health_change.SAMPLE,
            {
                **{name: formatdate(at, usegmt=True) for name, at in times.items()},
                "eventTypeCode": code,
                "statusCode": status,
                "affectedEntities": [{"entityValue": machine.id, "status": entity}],
            },
        )

    def later(self, between_s: tuple[float, float], what: Callable[[], object]) -> None:
        """Let something happen after some time that is drawn."""
        self.world.clock.after(self.draw.uniform(*between_s), what)

    def _broken(self, machine: Ec2Instance, course: Course) -> list[str]:
        if course.goes is None:
            return []
        if course.goes:
            return [f"{machine.id} has not gone"] if machine.alive else []
        status = machine.container_instance.status if machine.container_instance else "gone"
        return [] if machine.alive and status == "ACTIVE" else [f"{machine.id} is {status}: it should take tasks"]

    def _look(self) -> None:
        for machine in self.machines.values():
            if machine.container_instance and machine.container_instance.status == "DRAINING":
                self.touched.add(machine.id)

    def _shuffle(self) -> None:
        messaging = self.world.account.messaging
        deliver = messaging.deliver

        def shuffled(queue: Any, body: str) -> None:
            self.world.clock.after(self.draw.uniform(0, self.shuffled_s), lambda: deliver(queue, body))

        messaging.deliver = shuffled  # type: ignore[method-assign]


def _reclaim(trial: Noticed, machine: Ec2Instance) -> None:
    trial.world.account.spot.reclaim([machine])


def _stop(action: str) -> Callable[[Noticed, Ec2Instance], None]:
    def take(trial: Noticed, machine: Ec2Instance) -> None:
        fleets = trial.world.account.fleets
        trial.world.account.spot.reclaim([machine], action)
        trial.later((NOTICE_S + RESTARTED_S[0], NOTICE_S + RESTARTED_S[1]), lambda: fleets.restart(machine))

    return take


def _maintain(code: str, *, ends: tuple[str, str] | None) -> Callable[[Noticed, Ec2Instance], None]:
    """Announce a change, and say later how it `ends`: with this status of the event, and of the entity."""

    def take(trial: Noticed, machine: Ec2Instance) -> None:
        trial.health(machine, code)
        if ends:
            trial.later(CALLED_OFF_S, lambda: trial.health(machine, code, *ends))

    return take


def _say_that_it_is_over(trial: Noticed, machine: Ec2Instance) -> None:
    trial.health(machine, REBOOT, "closed")


def _recommend(trial: Noticed, machine: Ec2Instance) -> None:
    trial.world.account.spot.on_recommendation(machine)


def _recommend_and_reclaim(trial: Noticed, machine: Ec2Instance) -> None:
    _recommend(trial, machine)
    trial.later((1.0, 300.0), lambda: _reclaim(trial, machine))


def _end_reservation(trial: Noticed, machine: Ec2Instance) -> None:
    trial.say(reservation_interruption.SAMPLE, {"instance-id": machine.id})
    trial.world.clock.after(NOTICE_S, lambda: trial.world.account.ec2.terminate(machine))


def _end_block(trial: Noticed, machine: Ec2Instance) -> None:
    machine.reservation = RESERVATION
    trial.say(capacity_block_expiration.SAMPLE, {"capacity-reservation-id": RESERVATION})
    after_s = capacity_block_expiration.TERMINATED_AFTER_S
    # There may be several in the block; it ends for all of them with the first event.
    trial.world.clock.after(after_s, lambda: trial.world.account.ec2.terminate(machine))


def _fail(trial: Noticed, machine: Ec2Instance) -> None:
    trial.world.account.groups.fail(machine)


def _stop_and_start(trial: Noticed, machine: Ec2Instance) -> None:
    ec2 = trial.world.account.ec2
    ec2.stop(machine)
    trial.later(RESTARTED_S, lambda: ec2.start(machine))


def _terminate(trial: Noticed, machine: Ec2Instance) -> None:
    trial.world.account.ec2.terminate(machine)


RETIREMENT = "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED"
REBOOT = "AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED"
NETWORK = "AWS_EC2_INSTANCE_NETWORK_MAINTENANCE_SCHEDULED"
FLEET, GROUP = PoolKind.SPOT_FLEET, PoolKind.AUTO_SCALING_GROUP
CLOSED, RESOLVED = ("closed", "PENDING"), ("upcoming", "RESOLVED")

COURSES: Mapping[str, Course] = {
    "reclaimed": Course(_reclaim, goes=True, pool=FLEET),
    "stopped by EC2, and started again": Course(_stop("stop"), pool=FLEET),
    "hibernated, and started again": Course(_stop("hibernate"), at_once=True, pool=FLEET),
    "recommended to leave, and nothing follows": Course(_recommend, pool=FLEET),
    "recommended to leave, and reclaimed": Course(_recommend_and_reclaim, goes=True, pool=FLEET),
    "waits under a hook": Course(_fail, goes=True, pool=GROUP),
    "a reservation that is interrupted": Course(_end_reservation, goes=True),
    "a capacity block that ends": Course(_end_block, goes=True),
    "a retirement": Course(_maintain(RETIREMENT, ends=None), goes=True),
    # It is replaced as soon as it is empty, which may be before it is called off.
    "a retirement, called off": Course(_maintain(RETIREMENT, ends=CLOSED), goes=None),
    "a maintenance that takes place": Course(_maintain(REBOOT, ends=None)),
    "a maintenance, called off": Course(_maintain(REBOOT, ends=CLOSED)),
    "a maintenance, resolved": Course(_maintain(REBOOT, ends=RESOLVED)),
    "a maintenance of the network": Course(_maintain(NETWORK, ends=None), drains=False),
    "a maintenance that is over": Course(_say_that_it_is_over, drains=False),
    "stopped by somebody, and started again": Course(_stop_and_start, at_once=True, pool=FLEET),
    "terminated by somebody": Course(_terminate, goes=True, at_once=True),
}
