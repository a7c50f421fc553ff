"""Query Prometheus by its HTTP API (Prometheus: "HTTP API", /api/v1/query and query_range)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_S = 60


class NoAnswer(ValueError):
    """Prometheus cannot be reached, or refuses a query. The text names its URL and the reason."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The Prometheus server at `url`, for example http://localhost:9090."""

    url: str

    def series(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Return the present samples of the expression `expr`: the labels of each, and its value.

        Raises:
            NoAnswer: if Prometheus does not answer, or refuses the query.
        """
        return [(one["metric"], float(one["value"][1])) for one in self._ask("query", query=expr)]

    def now(self, expr: str, by: str) -> dict[str, float]:
        """Return the present values of the expression `expr`, by their label `by`.

        Raises:
            NoAnswer: if Prometheus does not answer, or refuses the query.
        """
        return {labels.get(by, ""): value for labels, value in self.series(expr)}

    def over(self, expr: str, by: str, start: float, end: float, step_s: int) -> dict[str, list[tuple[float, float]]]:
        """Return pairs of time and value of the expression `expr`, by their label `by`.

        Args:
            start, end: the first and the last time, in seconds since the epoch.

        Raises:
            NoAnswer: if Prometheus does not answer, or refuses the query.
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
                f"--prometheus is {self.url}, and no Prometheus answers there ({reason}): "
                "its URL is needed (docs/monitoring.md says how to reach it)"
            ) from error
        if result is None:
            raise NoAnswer(f"Prometheus at {self.url} refuses the query {question['query']}: {answer.get('error')}")
        found: list[dict[str, Any]] = result
        return found
