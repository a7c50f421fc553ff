"""Each value of each key of cdk.json is deployed, or refused in a line that names the key and the value."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from infra.settings.adopted import AdoptedCluster, AdoptedPool
from infra.settings.checks import Table, shown
from infra.settings.clusters import ClusterOfPools, MadeCluster
from infra.settings.errors import BadSettings
from infra.settings.images import Image
from infra.settings.logs import AggregatorSettings, LogSettings
from infra.settings.made import MadePool
from infra.settings.monitoring import MonitoringImages, MonitoringSettings
from infra.settings.networks import ExistingNetwork
from infra.settings.target import Settings, TaskLauncherSettings, TaskStatusSettings, targets_in

Way = tuple[str | int, ...]

ZONE = "us-east-1a"
# Every key that there is.
CONTEXT: dict[str, Any] = {
    "account": "111111111111",
    "region": "us-east-1",
    "images": {
        "ours": {"parameter": "/images/ours", "distribution": "ecs-optimized", "architecture": "x86_64", "gpu": False}
    },
    "thresholds": {"drift_seconds": 20},
    "clusters": [
        {
            "name": "web",
            "kind": "spot",
            "moves_from": "spot-fleet",
            "types": {"m5.large": 1},
            "min": 2,
            "max": 40,
            "keep_order": False,
            "zones": [ZONE],
            "ami": "ours",
            "volume_gib": 50,
            "thresholds": {"api_share": 40},
        },
        {"name": "old", "capacity": "auto-scaling-group:old", "hook": False, "thresholds": {"mode": "paused"}},
        {
            "name": "mix",
            "cluster": "adopted",
            "pools": [
                {
                    "name": "base",
                    "capacity": "auto-scaling-group:mix",
                    "hook": False,
                    "min": 2,
                    "max": 9,
                    "priority": 1,
                    "attributes": {"pool": "base"},
                },
                {
                    "name": "gpu",
                    "kind": "spot",
                    "types": {"g5.xlarge": 1},
                    "min": 0,
                    "max": 4,
                    "keep_order": False,
                    "zones": [ZONE],
                    "ami": "gpu",
                    "volume_gib": 200,
                    "priority": 2,
                    "attributes": {"pool": "gpu"},
                },
            ],
            "thresholds": {"expander": "least-waste"},
        },
    ],
    "network": {"vpc": "vpc-1", "subnets": {ZONE: "subnet-1"}},
    "logs": {
        "keep_days": 400,
        "scan_limit_gib": 100,
        "partitions": "made",
        "aggregators": {
            "cluster": "web",
            "count": 3,
            "flush_seconds": 300,
            "allow": ["sg-0123"],
            "image": "fluentd:1",
        },
    },
    "monitoring": {
        "scrape_only": False,
        "cluster": "web",
        "keep_days": 30,
        "sidecars": "envoy",
        "remote_write": "https://example.com/write",
        "alertmanager": "alerts.example.com:9093",
        "made_for": [ZONE],
        "allow": ["10.1.0.0/16"],
        "images": {"cadvisor": "cadvisor:1", "prometheus": "prometheus:1", "grafana": "grafana:1"},
    },
    "task_status": {"keep_days": 7},
    "task_launcher": {"roles": ["arn:aws:iam::111111111111:role/report-*"]},
    "cloudtrail_failures": True,
    "docker_hub_mirror": "111111111111.dkr.ecr.us-east-1.amazonaws.com/docker-hub",
    "dashboards": "all",
    "runbook": "https://example.com/runbook",
    "powertools_layer_version": 27,
}
MODELS: tuple[tuple[type[Table], Way], ...] = (
    (Settings, ()),
    (Image, ("images", "ours")),
    (MadeCluster, ("clusters", 0)),
    (AdoptedCluster, ("clusters", 1)),
    (ClusterOfPools, ("clusters", 2)),
    (AdoptedPool, ("clusters", 2, "pools", 0)),
    (MadePool, ("clusters", 2, "pools", 1)),
    (ExistingNetwork, ("network",)),
    (LogSettings, ("logs",)),
    (AggregatorSettings, ("logs", "aggregators")),
    (MonitoringSettings, ("monitoring",)),
    (MonitoringImages, ("monitoring", "images")),
    (TaskStatusSettings, ("task_status",)),
    (TaskLauncherSettings, ("task_launcher",)),
)
# Values of another kind than the example's that are right, too: numbers as text, and text as a number.
ALSO_RIGHT: dict[Way, tuple[type, ...]] = {
    ("account",): (int,),
    ("powertools_layer_version",): (str, float),
    ("clusters", 0, "thresholds", "api_share"): (str,),
    **{(*way, "ami"): (type(None),) for way in (("clusters", 0), ("clusters", 2, "pools", 1))},
    **{(key,): (type(None),) for key in Settings.known_keys() if key != "clusters"},
}
# A value that is right by itself may leave another key wrong, which refers to it: then the line names that one.
REFERRED_TO = {
    ("images",),
    ("region",),
    ("network",),
    ("monitoring", "scrape_only"),
    ("clusters", 0, "name"),
    ("clusters", 0, "zones"),
}


def ways(value: Any, way: Way = ()) -> list[Way]:
    """List the way to each value within `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([way] if way else []), *(found for step, part in inner for found in ways(part, (*way, step)))]


def at(value: Any, way: Way) -> Any:
    for step in way:
        value = value[step]
    return value


def with_value(way: Way, value: Any) -> dict[str, Any]:
    context = copy.deepcopy(CONTEXT)
    at(context, way[:-1])[way[-1]] = value
    return context


def kind_of(value: Any) -> type:
    return next(kind for kind in (bool, int, float, str, list, dict, type(None)) if isinstance(value, kind))


WAYS = ways(CONTEXT)
HUGE = 10**4000
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(HUGE)
    | st.just(-HUGE)
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["", "\n", "web", "web\n", "[", "{}", "\u2028", "m5.large", "sg-", "10.0.0.1", "10.0.0.0/99", "a" * 9999]
    )
)
odd = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("name"), inner))


def test_the_context_above_has_every_key() -> None:
    for model, way in MODELS:
        assert set(at(CONTEXT, way)) == set(model.known_keys()), model
    [target] = targets_in(CONTEXT)
    assert target.settings.made[0].ami.parameter == "/images/ours"


@settings(max_examples=200, deadline=None)
@given(way=st.sampled_from(WAYS), value=odd)
@example(way=("clusters", 0, "max"), value=HUGE)
@example(way=("logs", "keep_days"), value=float("nan"))
@example(way=("monitoring", "sidecars"), value="a{99999999999}")
@example(way=("clusters", 0, "types"), value={"a.b": 1})
def test_an_odd_value_at_any_key_is_refused_in_a_line_that_names_both(way: Way, value: Any) -> None:
    # At the top such a text is a table from the command line: see below.
    assume(not (len(way) == 1 and isinstance(value, str) and value.startswith(("{", "["))))
    right = (kind_of(at(CONTEXT, way)), *ALSO_RIGHT.get(way, ()))
    try:
        targets_in(with_value(way, value))
    except BadSettings as error:
        refused = str(error)
    else:
        assert kind_of(value) in right, "a value of another kind is refused"
        return
    lines = refused.splitlines()
    assert all(" is " in line and " needed" in line for line in lines)
    assert not any(word in refused for word in ("pydantic", "Input should", "validation"))
    if kind_of(value) in right and any(way[: len(referred)] == referred for referred in REFERRED_TO):
        return
    assert any((way[-1] if isinstance(way[-1], str) else f"[{way[-1]}]") in line for line in lines)
    if not isinstance(value, list | dict):
        assert len(lines) == 1
        assert f"is {shown(value)}: " in lines[0] or "is missing: " in lines[0]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: ".".join(map(str, way)))
def test_a_value_of_another_kind_is_refused_at_every_key(way: Way) -> None:
    right = (kind_of(at(CONTEXT, way)), *ALSO_RIGHT.get(way, ()))
    for value in (None, True, 3, 2.5, "?", [], ["?"], {}, {"?": 1}):
        if kind_of(value) in right:
            continue
        with pytest.raises(BadSettings) as refused:
            targets_in(with_value(way, value))
        assert f"is {shown(value)}: " in str(refused.value) or "is missing: " in str(refused.value)


@pytest.mark.parametrize(("model", "way"), MODELS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_key_that_is_not_known_is_refused_in_every_table(model: type[Table], way: Way) -> None:
    with pytest.raises(BadSettings, match="surprise is 3: a known key is needed, one of ") as refused:
        targets_in(with_value((*way, "surprise"), 3))
    assert len(str(refused.value).splitlines()) == 1
    assert all(key in str(refused.value) for key in model.known_keys())


@settings(max_examples=100, deadline=None)
@given(environments=odd, env=odd)
def test_odd_environments_are_refused_and_nothing_else_happens(environments: Any, env: Any) -> None:
    with contextlib.suppress(BadSettings):
        targets_in({**CONTEXT, "environments": environments, "env": env})


def test_a_long_value_is_cut_and_a_line_stays_a_line() -> None:
    with pytest.raises(BadSettings) as refused:
        targets_in(with_value(("logs", "partitions"), "made\n\u2028\x85" + "x" * 1000))
    assert str(refused.value).startswith('logs, partitions is "made\\n\\u2028\\x85xxx')
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 300


def test_a_number_that_cannot_be_shown_is_refused_all_the_same() -> None:
    with pytest.raises(BadSettings, match="logs, keep_days is too large to show: a whole number from 1 to 36,500 is"):
        targets_in(with_value(("logs", "keep_days"), 10**5000))


def test_a_table_from_the_command_line_that_is_no_json_is_refused_as_it_stands() -> None:
    with pytest.raises(BadSettings, match=r'^clusters is "\[{": a list of rows'):
        targets_in({"clusters": "[{"})
    [target] = targets_in({**CONTEXT, "clusters": json.dumps(CONTEXT["clusters"])})
    assert [c.name for c in target.settings.clusters] == ["web", "old", "mix"]


@pytest.mark.parametrize(
    ("pools", "line"),
    [
        ([{"name": "a", "capacity": "spot-fleet:sfr-1"}], "2 to 10 pools are needed; one pool is the key capacity"),
        (
            [{"name": "a", "capacity": "spot-fleet:sfr-1"}, {"name": "b", "capacity": "spot-fleet:sfr-1"}],
            "another capacity than that of pools\\[0\\] is needed",
        ),
        (
            [{"name": "a", "capacity": "spot-fleet:sfr-1"}, {"name": "b", "capacity": "auto-scaling-group:old"}],
            "one cluster to a pool is needed, and clusters\\[1\\] has the capacity auto-scaling-group:old, too",
        ),
        (
            [{"name": "a", "capacity": "spot-fleet:sfr-1"}, {"name": "b", "capacity": "asg:x", "min": 5, "max": 3}],
            "auto-scaling-group:NAME or spot-fleet:sfr-… is needed",
        ),
    ],
)
def test_pools_that_do_not_go_together_are_refused(pools: list[dict[str, Any]], line: str) -> None:
    with pytest.raises(BadSettings, match=line):
        targets_in(with_value(("clusters", 2, "pools"), pools))
