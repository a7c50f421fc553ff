"""The emulators of the session."""

from collections.abc import Iterator

import pytest

from tests.e2e.emulators import Emulators, started


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    with started(tmp_path_factory.mktemp("emulators")) as running:
        yield running
