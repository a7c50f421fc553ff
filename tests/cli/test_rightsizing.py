"""Which size would fit, and when a reservation is said not to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cli.rightsize.advice import FAR_MORE, SMALLEST, FamilyUse, Verdict, advice
from steady.cluster import Size

API = FamilyUse("api", tasks=10, reserved=Size(2048, 4096), cpu_units=400, memory_mib=3500)


def test_what_is_reserved_and_far_from_used_gets_a_size_with_room_in_steps() -> None:
    found = advice(API, room=0.25)

    assert (found.cpu, found.memory) == (Verdict.FAR_MORE, Verdict.FITS)
    # 400 and a quarter more is 500, which is written as 512; memory that fits stays as it is.
    assert found.size == Size(512, 4096)


def test_what_uses_more_than_it_reserves_gets_more() -> None:
    found = advice(replace(API, reserved=Size(512, 2048)), room=0.25)

    assert found.memory is Verdict.LESS
    assert found.size == Size(512, 4384)


def test_a_reservation_with_a_little_too_much_is_left_alone() -> None:
    assert advice(replace(API, reserved=Size(700, 4500)), room=0.25).fits


def test_nothing_is_made_smaller_than_a_container_can_be() -> None:
    idle = replace(API, cpu_units=0.1, memory_mib=3)

    assert advice(idle, room=0.25).size == SMALLEST


@given(
    st.builds(
        FamilyUse,
        st.just("any"),
        st.floats(0, 1000),
        st.builds(Size, st.integers(0, 100_000), st.integers(0, 1_000_000)),
        st.floats(0, 100_000),
        st.floats(0, 1_000_000),
    ),
    st.floats(0, 2),
)
def test_what_is_advised_holds_what_is_used_and_fits_when_it_is_followed(use: FamilyUse, room: float) -> None:
    size = advice(use, room).size

    assert size.cpu_units >= use.cpu_units
    assert size.memory_mib >= use.memory_mib
    followed = advice(replace(use, reserved=size), room)
    assert followed.fits
    assert followed.size == size
    assert size.cpu_units <= max(use.reserved.cpu_units, FAR_MORE * size.cpu_units)
