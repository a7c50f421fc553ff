"""How the property tests search: anew each time at a desk, the same cases each time in CI."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from simulator.clock import end_all

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(autouse=True, scope="module")
def _worlds_end_with_their_module() -> Iterator[None]:
    """Free what the module's worlds hold. A garbage collector that looks through all of them slows the others down."""
    yield
    end_all()
