"""Every answer of the simulated account has the shape of botocore's model, whatever the suite asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulator.chaos.as_they_are import taken
from simulator.chaos.as_they_are.notices import Noticed
from simulator.chaos.as_they_are.refusals import Refusal
from simulator.chaos.as_they_are.stopping import Stopping
from simulator.chaos.scenarios import ComingBack, Hook, Reclaim, ScaleIn, ScaleOut
from simulator.endpoint import Endpoint, Params
from tests.fidelity.shapes import problems_of

# Worlds that together make the calls that the suite makes, and those of its callers.
WORLDS: tuple[Callable[[], object], ...] = (
    *(lambda trial=trial: trial().run() for trial in (Reclaim, ScaleOut, ScaleIn, Hook, ComingBack)),  # type: ignore[misc]
    *(lambda trial=trial: trial(0).run() for trial in (Stopping, Noticed, Refusal)),  # type: ignore[misc]
    lambda: Refusal(1).run(),
    lambda: taken.traffic(0),
)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The problems of all answers, by call."""
    found: dict[str, set[str]] = {}
    answer = Endpoint.answer

    def checked(endpoint: Endpoint, caller: str, name: str, params: Params, user_agent: str = "") -> dict[str, Any]:
        answered = answer(endpoint, caller, name, params, user_agent)
        found.setdefault(name, set()).update(problems_of(name, answered))
        return answered

    monkeypatch.setattr(Endpoint, "answer", checked)
    return found


def test_answers_have_the_shapes_of_the_sdk(answers: dict[str, set[str]]) -> None:
    for run in WORLDS:
        run()

    assert {name: problems for name, problems in answers.items() if problems} == {}
    # Enough of the account was asked for this to say something.
    assert len(answers) > 25
