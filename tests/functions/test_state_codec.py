"""The ledger's codec: every field of the state survives, and items of other versions are read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import make_dataclass, replace
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.aws.scaling import state_codec
from steady.aws.scaling.state_codec import ROWS, from_plain, to_plain
from steady.cluster import InstanceShape, Size
from steady.scaling.demand import Demand, RunShape
from steady.scaling.late_kinds import LateKind
from steady.scaling.learning import Lately
from steady.scaling.pool_state import Delivery, Healing, PoolState
from steady.scaling.recurrence import DAYS, RECENT
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.staffing import Staffing
from steady.scaling.state import ScalingState
from steady.scaling.terminations import RefusedTermination
from steady.scaling.tries import Tries
from steady.scaling.usage import Usage

FULL = ScalingState(
    demands={"a": Demand("a", Size(1, 2), 3.5, 4.5, seen=True)},
    low_since=10.25,
    drift_since={"api": 1.5},
    placement_failed_at={"api": 2.5},
    draining={"arn-1": "i-1"},
    interrupted={"arn-9": "i-9"},
    chosen_at={"arn-1": 14.5},
    spared_until={"arn-7": 15.5},
    leaving_since={"arn-2": 6.5},
    raised_by=2,
    raised_to=12,
    booting_since={"i-3": 1_767_225_600.5},
    boots_s=(92.5, 101.0),
    doomed={"i-4": 1_767_225_580.0},
    short_since=1_767_225_590.0,
    spot_grew_at=1_767_225_595.0,
    spot_held=3,
    launches_s=(12.5, 40.0),
    next_look_at=1_767_225_615.0,
    shapes={"m5.large": InstanceShape("m5.large", Size(2048, 7946), gpus=1, enis=2)},
    launched=("m5.large",),
    run_shapes={"a": RunShape((80,), 1, 1, ("attribute:a == b",), "family:batch", distinct=True, placement="spread")},
    tries={"service api": Tries(2, 1_767_225_600.0, is_over=True, lacked=3)},
    recent=RECENT.record(1_767_225_600.0, Size(1, 2)).record(1_767_225_900.0, Size(3, 4)),
    days=DAYS.record(1_767_225_600.0, Size(5, 6)),
    staffing=Staffing(0.25, tasks=7, lacking=1),
    waited_at=16.5,
    cover=1.25,
    started=40.0,
    lately=Lately(30.5, 2.5),
    healing=Healing({"arn-5": 7.5}, {"arn-5": 8.5}, registered_at=9.5, unanswered=(10.5, 11.5)),
    renewal=RenewalProgress(
        "ami-2", 2, "ami-1", 17, {"arn-8": 18.5}, 19.5, 20.5, is_proven=True, stopped="no instance"
    ),
    refusals={"i-6": RefusedTermination(13.5, 2, "OperationNotPermitted")},
    order_before=("m5.large", "m5.xlarge"),
    order_set=("m5.xlarge", "m5.large"),
    reported_problems=("cpu_reservation_high is wrong",),
    usage=Usage(12.5, {"spot m5.large": 2}, {"2026-01-01": {"spot m5.large": 1.25}}),
    delivery=Delivery(11.5, 2, 311.5, 300.0, "no capacity", 3, 12.5, 5),
    expected={"1 CPU unit": 2},
    late_kinds={"11 CPU units, 12 MiB": LateKind(Size(1024, 2048), RunShape(gpus=1), 17.5)},
    spot_prices={"m5.large": 0.035},
    spot_prices_at=18.5,
    pools={"spot": PoolState(low_since=17.5, recent=RECENT.record(1_767_225_600.0, Size(1, 2)))},
)
# The fields that release 0.1.0 does not know, as they are in what it has written.
SINCE_0_1_0: Mapping[str, Any] = {
    "interrupted": {},
    "chosen_at": {},
    "spared_until": {},
    "waited_at": None,
    "cover": 1.0,
    "started": 0.0,
    "lately": Lately(),
    "launched": (),
    "tries": {},
    "refusals": {},
    "run_shapes": {},
    "order_before": (),
    "order_set": (),
    "spot_grew_at": 0.0,
    "spot_held": 0,
    "launches_s": (),
    "delivery": Delivery(),
    "expected": {},
    "pools": {},
    "late_kinds": {},
    "spot_prices": {},
    "spot_prices_at": 0.0,
    "renewal": RenewalProgress(),
}
# What release 0.1.0 has written of `FULL`.
OF_0_1_0 = json.loads("""
{"demands":{"a":[1,2,3.5,4.5,true]},"low_since":10.25,"drift_since":{"api":1.5},"placement_failed_at":{"api":2.5},
 "doomed":{"i-4":1767225580.0},"draining":{"arn-1":"i-1"},"leaving_since":{"arn-2":6.5},
 "booting_since":{"i-3":1767225600.5},"boots_s":[92.5,101.0],"raised_by":2,"raised_to":12,"short_since":1767225590.0,
 "next_look_at":1767225615.0,"shapes":{"m5.large":[2048,7946,1,2]},"recent":[9817920,[1,2,3,4]],
 "days":[1963584,[5,6]],"staffing":{"factor":0.25,"tasks":7,"lacking":1},
 "healing":{"lost_since":{"arn-5":7.5},"emptying":{"arn-5":8.5},"registered_at":9.5,"unanswered":[10.5,11.5]},
 "usage":{"counted_at":12.5,"running":{"spot m5.large":2},"hours":{"2026-01-01":{"spot m5.large":1.25}}},
 "told":["cpu_reservation_high is wrong"]}
""")


def values_of(kind: Any, fixed: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the dataclass `kind`, no field of which is left at its default unless `fixed` says so."""
    hints = get_type_hints(kind)
    fields = {f.name: of_type(hints[f.name], f.default) for f in dataclasses.fields(kind) if f.name not in fixed}
    return st.builds(kind, **fields, **{name: st.just(value) for name, value in fixed.items()})


def of_type(kind: Any, default: Any = dataclasses.MISSING) -> st.SearchStrategy[Any]:
    if dataclasses.is_dataclass(kind):
        left_out = ROWS.get(kind, frozenset()) if default is not dataclasses.MISSING else frozenset()
        return values_of(kind, {name: getattr(default, name) for name in left_out})
    origin, of = getattr(kind, "__origin__", None), getattr(kind, "__args__", ())
    if origin is tuple:
        return st.lists(of_type(of[0]), max_size=3).map(tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        entries = st.dictionaries(st.text(max_size=5), of_type(of[1]), max_size=3)
        return entries.map(lambda found: {key: _named(one, key) for key, one in found.items()})
    return st.from_type(kind).filter(lambda value: value == value)  # NaN is no number of JSON


def _named(value: Any, key: str) -> Any:
    """`value` with the field that is the key of its mapping."""
    names = ROWS.get(type(value), frozenset())
    return replace(value, **dict.fromkeys(names, key)) if names else value


@given(of_type(ScalingState))
def test_every_field_survives(state: ScalingState) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(state)))) == state


def test_the_full_state_leaves_no_field_at_its_default() -> None:
    empty = ScalingState()
    assert [f.name for f in dataclasses.fields(FULL) if getattr(FULL, f.name) == getattr(empty, f.name)] == []


def test_what_the_last_release_wrote_is_read() -> None:
    assert from_plain(OF_0_1_0) == replace(FULL, **SINCE_0_1_0)


def test_what_is_written_is_what_the_last_release_reads() -> None:
    renamed = {"reported_problems": "told"}
    plain = {name: value for name, value in to_plain(FULL).items() if name not in {*SINCE_0_1_0, "columns"}}
    assert {renamed.get(name, name): value for name, value in plain.items()} == OF_0_1_0


def test_a_shorter_row_of_an_earlier_version_has_the_defaults_of_what_it_lacks() -> None:
    state = from_plain({"demands": {"a": [1, 2, 3.5, 4.5]}, "shapes": {"m5.large": [2048, 7946]}})

    assert state.demands["a"] == Demand("a", Size(1, 2), 3.5, 4.5)
    assert state.shapes["m5.large"] == InstanceShape("m5.large", Size(2048, 7946))


def test_the_values_of_a_row_are_told_by_the_items_columns() -> None:
    later = {
        "columns": {
            "Size": ["cpu_units", "new", "memory_mib"],
            "Demand": ["size.cpu_units", "size.new", "size.memory_mib", "first_said_at", "last_said_at", "seen"],
        },
        "demands": {"a": [1, "new", 2, 3.5, 4.5, True]},
        "recent": [9817920, [1, 7, 2, 3, 8, 4]],
    }

    state = from_plain(later)

    assert state.demands == {"a": Demand("a", Size(1, 2), 3.5, 4.5, seen=True)}
    assert state.recent.peaks == (Size(1, 2), Size(3, 4))


def test_a_field_that_cannot_be_read_has_its_default_and_is_named() -> None:
    odd = {"recent": [9817920, [1, 7, 2, 3, 8]], "healing": None, "low_since": 5}

    read = state_codec.read_state(odd)

    assert read.state == ScalingState(low_since=5)
    assert read.unreadable == ("recent", "healing")


def test_what_a_later_version_adds_does_no_harm() -> None:
    later = {
        "new": {"a": 1},
        "low_since": 5,
        "demands": {"a": [1, 2, 3.5, 4.5, True, "new"]},
        "healing": {"registered_at": 9.5, "new": []},
    }

    assert from_plain(later) == ScalingState(
        low_since=5,
        demands={"a": Demand("a", Size(1, 2), 3.5, 4.5, seen=True)},
        healing=Healing(registered_at=9.5),
    )


def test_a_field_that_the_codec_cannot_write_is_an_error_and_is_not_left_out() -> None:
    with_set = make_dataclass("WithSet", [("members", frozenset[str])])

    with pytest.raises(TypeError, match="frozenset"):
        json.dumps(state_codec.codec_of(with_set).write(with_set(frozenset({"a"}))))
