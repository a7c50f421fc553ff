"""What is known of an instance that is still to come: its state, its daemons, its network interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.architecture import attributes_of
from steady.cluster import Daemons, InstanceShape, Size, TaskShape
from steady.scaling.new_instance_query import about_new_instance
from steady.scaling.packing import pack
from steady.scaling.room import new_room, room_on, shapes_of_pool
from steady.scaling.state import update_state
from steady.thresholds import Thresholds
from steady.trunks import takes_trunk, trunk_tasks
from tests.unit.snapshots import INSTANCE, SHAPE, instance, snapshot, state

PROD, GPU = "attribute:stack == prod", "attribute:gpu exists"


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        (PROD, PROD),
        ("attribute:stack   ==  prod", "attribute:stack   ==  prod"),
        ("runningTasksCount < 1", True),
        ("runningTasksCount >= 1", False),
        ("runningTasksCount greater_than 0", False),
        ("task:group == service:db", False),
        ("task:group in [service:db, service:api]", False),
        ("task:group not_in [service:db]", True),
        ("task:group !~ service:.*", True),
        ("task:group !exists", True),
        ("not(task:group == service:db)", True),
        ("!(task:group == service:db) && runningTasksCount < 3", True),
        (f"{PROD} and runningTasksCount < 3", PROD),
        (f"{PROD} and runningTasksCount > 3", False),
        (f"{PROD} or runningTasksCount < 3", True),
        (f"(({PROD}) and {GPU}) or task:group == service:db", f"((({PROD}) and {GPU}))"[1:-1]),
        (f"not({PROD}) and task:group != service:db", f"not({f'({PROD})'})"),
        # What is not of the language is left to ECS.
        ("attribute:stack =~ [", "attribute:stack =~ ["),
        ("runningTasksCount =~ 1", "runningTasksCount =~ 1"),
        ("runningTasksCount < many", "runningTasksCount < many"),
        ("(runningTasksCount < 1", "(runningTasksCount < 1"),
        ("runningTasksCount < 1 and", "runningTasksCount < 1 and"),
        ("", ""),
    ],
)
def test_what_an_expression_says_of_a_new_instance(expression: str, answer: bool | str) -> None:
    assert about_new_instance(expression) == answer


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("attribute:ecs.cpu-architecture == arm64", True),
        ("attribute:ecs.cpu-architecture != arm64", False),
        ("attribute:ecs.cpu-architecture in [x86_64, arm64]", True),
        ("attribute:ecs.cpu-architecture !in [x86_64]", True),
        ("attribute:ecs.cpu-architecture exists", True),
        ("attribute:ecs.cpu-architecture !exists", False),
        ("attribute:ecs.instance-type =~ m6g.*", True),
        ("attribute:ecs.instance-type !~ m6g.*", False),
        ('attribute:ecs.instance-type == "m5.large"', False),
        (f"attribute:ecs.cpu-architecture == arm64 and {PROD}", PROD),
        (f"attribute:ecs.cpu-architecture == x86_64 and {PROD}", False),
        # No regular expression: it is left to ECS.
        ("attribute:ecs.instance-type =~ *", "attribute:ecs.instance-type =~ *"),
    ],
)
def test_the_type_of_a_new_instance_says_its_architecture(expression: str, answer: bool | str) -> None:
    assert about_new_instance(expression, tuple(attributes_of("m6g.large").items())) == answer


def test_the_architecture_in_a_types_name_is_the_one_that_ec2_tells() -> None:
    instance_types = pytest.importorskip("moto.ec2.models.instance_types").INSTANCE_TYPES
    told = {type_: info["ProcessorInfo"]["SupportedArchitectures"] for type_, info in instance_types.items()}

    named = {type_: attributes_of(type_)["ecs.cpu-architecture"] for type_ in told}

    assert len(told) > 1000
    assert [type_ for type_, found in told.items() if (named[type_] == "arm64") != ("arm64" in found)] == []


@given(st.text(alphabet="runningTasksCount<>=!()[]&| 1,andornot:task:group", max_size=40))
def test_no_expression_is_an_error(expression: str) -> None:
    assert isinstance(about_new_instance(expression), bool | str)


def test_a_new_instance_satisfies_what_its_state_says_and_its_sisters_show() -> None:
    few, near, both = "runningTasksCount < 1", "task:group == service:db", f"{PROD} and runningTasksCount < 1"
    here = frozenset({"arn-0"})
    # The one instance is of the right stack, has a task, and that is the database's.
    matching = {few: frozenset(), near: here, both: frozenset(), PROD: here}
    world = replace(snapshot([instance(0)]), matching=matching)

    assert new_room(SHAPE, world).matches == {few, both, PROD}
    assert new_room(SHAPE, replace(world, matching={**matching, PROD: frozenset()})).matches == {few}


def test_a_daemon_is_charged_to_the_new_instances_that_it_runs_on() -> None:
    bound = (TaskShape(Size(500, 1000), member_of=frozenset({GPU})),)
    world = replace(snapshot([instance(0)]), daemons=Daemons(Size(100, 100), (1,), bound))

    def free(matching: Mapping[str, frozenset[str]], of: InstanceShape = SHAPE) -> int:
        return new_room(of, replace(world, matching=matching)).free.cpu_units

    assert free({GPU: frozenset()}) == 1948
    assert free({GPU: frozenset({"arn-0"})}) == 1448
    # No instance of the type is there to show it, or ECS does not say: its part is taken.
    assert free({GPU: frozenset()}, replace(SHAPE, name="g5.xlarge")) == 1448
    assert free({}) == 1448


@pytest.mark.parametrize(
    ("type_", "vcpus", "tasks"),
    [
        ("m6g.medium", 1, 4),
        ("m5.large", 2, 10),
        ("c5.xlarge", 4, 20),
        ("r5.2xlarge", 8, 40),
        ("c5.9xlarge", 36, 60),
        ("m5.12xlarge", 48, 60),
        ("c5.18xlarge", 72, 120),
        ("m6i.8xlarge", 32, 90),
        ("r6idn.12xlarge", 48, 120),
        ("m6g.8xlarge", 32, 60),
        ("m6a.48xlarge", 192, 120),
        ("a1.medium", 1, 10),
        ("g5.xlarge", 4, 6),
        ("g4ad.4xlarge", 16, 12),
        ("x2iezn.8xlarge", 32, 120),
        # As EC2's figures for later generations say (amazon-vpc-resource-controller-k8s, limits.go).
        ("m7i.8xlarge", 32, 90),
        ("m7i-flex.xlarge", 4, 10),
        ("m7i-flex.8xlarge", 32, 60),
        ("c7i-flex.12xlarge", 48, 120),
        ("m7i-flex.16xlarge", 64, 120),
        ("m8g.8xlarge", 32, 60),
        ("g6.4xlarge", 16, 60),
        ("g6e.8xlarge", 32, 90),
        ("gr6.8xlarge", 32, 90),
        ("inf2.8xlarge", 32, 90),
        ("inf2.24xlarge", 96, 120),
        ("g7e.2xlarge", 8, 120),
        ("f2.6xlarge", 24, 90),
        ("i7i.12xlarge", 48, 90),
        ("i7i.4xlarge", 16, 60),
        ("i7ie.large", 2, 20),
        ("i7ie.2xlarge", 8, 29),
        ("i8ge.3xlarge", 12, 29),
        ("i8ge.6xlarge", 24, 60),
        ("i8ge.18xlarge", 72, 120),
        ("i4i.12xlarge", 48, 118),
        ("i4i.32xlarge", 128, 498),
        ("trn1n.32xlarge", 128, 242),
        ("u-3tb1.56xlarge", 224, 12),
        ("mac2-m2pro.metal", 12, 12),
    ],
)
def test_a_trunked_instance_takes_what_aws_publishes(type_: str, vcpus: int, tasks: int) -> None:
    assert trunk_tasks(type_, vcpus * 1024) == tasks


@pytest.mark.parametrize(
    ("type_", "on_nitro", "burstable", "takes"),
    [
        ("m5.large", True, False, True),
        ("m8g.large", True, False, True),
        ("m4.large", False, False, False),
        ("t3.large", True, True, False),
        # ECS Developer Guide: not supported, although EC2 could.
        ("c5n.large", True, False, False),
        ("r5.8xlarge", True, False, False),
    ],
)
def test_a_type_has_a_trunk_as_aws_publishes(type_: str, on_nitro: bool, burstable: bool, takes: bool) -> None:
    assert takes_trunk(type_, on_nitro=on_nitro, burstable=burstable) is takes


def test_a_new_instance_of_an_unseen_type_has_the_trunk_that_is_foreseen_and_a_seen_one_what_it_had() -> None:
    types = {type_: InstanceShape(type_, INSTANCE, enis=2) for type_ in ("m5.large", "m5.xlarge")}
    pool = replace(snapshot([]).pool, weights={"m5.large": 1, "m5.xlarge": 2})
    world = replace(snapshot([]), pool=pool, shapes=types, trunks={"m5.large": 10, "m5.xlarge": 20})

    of_each = {s.name: s.enis for s in shapes_of_pool(world, {"m5.xlarge": replace(types["m5.xlarge"], enis=3)})}

    assert of_each == {"m5.large": 10, "m5.xlarge": 3}


def test_a_trunked_instance_at_its_limit_is_full_and_a_new_one_has_a_trunk_too() -> None:
    trunked = replace(instance(0), enis_limited=False, enis_used=9)
    shapes = {"m5.large": InstanceShape("m5.large", INSTANCE, enis=2)}
    world = replace(snapshot([trunked]), shapes=shapes)
    task = TaskShape(Size(10, 10), enis=1)

    assert len(pack([task] * 3, room_on([trunked], world)).left_over) == 2
    known = update_state(world, state(), Thresholds())
    assert known.shapes["m5.large"].enis == 10
