"""How the property tests search: anew each time at a desk, the same cases each time in CI."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import botocore.loaders
import pytest
from hypothesis import settings

from simulator.clock import end_all

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# The process of the tests holds much that all of them share, such as the service models of botocore and moto. Python's
# own thresholds, after 700 new objects, let the garbage collector look through it for up to half of the time.
gc.set_threshold(20_000, 10, 10)


@pytest.fixture(autouse=True, scope="module")
def _worlds_end_with_their_module() -> Iterator[None]:
    """Free what the module's worlds hold. A garbage collector that looks through all of them slows the others down."""
    yield
    end_all()


@pytest.fixture(autouse=True, scope="session")
def _service_models_are_loaded_once() -> Iterator[None]:
    """Keep botocore's service models for all sessions: each test has sessions of its own, and each would load them."""
    load = botocore.loaders.Loader.load_service_model
    known: dict[tuple[str, ...], Any] = {}

    def load_once(self: Any, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        key = (service_name, type_name, api_version or "")
        if key not in known:
            known[key] = load(self, service_name, type_name, api_version)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.loaders.Loader, "load_service_model", load_once)
        yield
