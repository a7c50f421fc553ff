"""Step Functions: the answers to states that wait with a task token (`.waitForTaskToken`)."""

from __future__ import annotations

import json
from typing import Any

from simulator.endpoint import Action, Params
from simulator.errors import AwsError


class StepFunctions:
    """The states that wait.

    Attributes:
        waiting: the tokens of the states that wait.
        answers: the answer to each of the others, by its token: its output, or its error and its cause.
    """

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.answers: dict[str, dict[str, str]] = {}

    def actions(self) -> dict[str, Action]:
        """Return the actions by their names."""
        return {
            "stepfunctions:SendTaskSuccess": self.send_task_success,
            "stepfunctions:SendTaskFailure": self.send_task_failure,
        }

    def send_task_success(self, params: Params) -> dict[str, Any]:
        """Answer SendTaskSuccess."""
        try:
            json.loads(params["output"])
        except ValueError as error:
            # Step Functions API, SendTaskSuccess, Errors.
            raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
        return self._answer(params["taskToken"], {"output": params["output"]})

    def send_task_failure(self, params: Params) -> dict[str, Any]:
        """Answer SendTaskFailure."""
        return self._answer(params["taskToken"], {name: params.get(name, "") for name in ("error", "cause")})

    def _answer(self, token: str, answer: dict[str, str]) -> dict[str, Any]:
        if token not in self.waiting:
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        self.waiting.remove(token)
        self.answers[token] = answer
        return {}
