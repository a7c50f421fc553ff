"""Questions to Prometheus, by its HTTP API (Prometheus: "HTTP API", /api/v1/query and query_range)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_S = 60


class NoAnswer(ValueError):
    """Prometheus is not there, or refuses the question; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The Prometheus at `url`, as http://localhost:9090."""

    url: str

    def series(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """The samples of `expr` now: the labels of each, and its value.

        Raises:
            NoAnswer: if there is none.
        """
        return [(one["metric"], float(one["value"][1])) for one in self._ask("query", query=expr)]

    def now(self, expr: str, by: str) -> dict[str, float]:
        """The samples of `expr` now, by the label `by`.

        Raises:
            NoAnswer: if there is none.
        """
        return {labels.get(by, ""): value for labels, value in self.series(expr)}

    def over(self, expr: str, by: str, start: float, end: float, step_s: int) -> dict[str, list[tuple[float, float]]]:
        """The samples of `expr` by the label `by`, from `start` to `end` (seconds since the epoch), each with its time.

        Raises:
            NoAnswer: if there is none.
        """
        found = self._ask("query_range", query=expr, start=start, end=end, step=step_s)
        return {one["metric"].get(by, ""): [(float(at), float(value)) for at, value in one["values"]] for one in found}

    def _ask(self, path: str, **question: Any) -> list[dict[str, Any]]:
        try:
            response = requests.get(f"{self.url.rstrip('/')}/api/v1/{path}", params=question, timeout=TIMEOUT_S)
            answer = response.json()
            result = answer["data"]["result"] if answer["status"] == "success" else None
        except (requests.RequestException, KeyError, TypeError) as error:
            reason = type(error).__name__
            raise NoAnswer(
                f"--prometheus is {self.url}, where no Prometheus answers ({reason}): its address is needed, "
                "which docs/monitoring.md says how to reach"
            ) from error
        if result is None:
            raise NoAnswer(f"Prometheus at {self.url} refuses {question['query']}: {answer.get('error')}")
        found: list[dict[str, Any]] = result
        return found
