"""Whatever an event holds, it is a field of one line of JSON: nobody forges a line."""

from __future__ import annotations

import json

import pytest

from steady.aws.telemetry import PowertoolsTelemetry

HOSTILE = 'i-0\n{"level":"ERROR","message":"forged"}\r\nEND RequestId: 1\u2028next\x1b[31m'


@pytest.mark.parametrize("where", ["message", "field"])
def test_a_text_with_line_ends_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # Powertools keeps a logger, and where it writes, by the service's name.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"forged-{where}")
    telemetry = PowertoolsTelemetry()

    if where == "message":
        telemetry.error(f"instance {HOSTILE} is of no cluster")
    else:
        telemetry.error("set aside", body=HOSTILE)

    written = capsys.readouterr().out
    [line] = written.splitlines() if "\u2028" not in written else written.rstrip("\n").split("\n")
    assert HOSTILE in (json.loads(line)["message"] + json.loads(line).get("body", ""))
    assert "\x1b" not in line


def test_a_metric_s_dimension_is_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")

    PowertoolsTelemetry().count("Ticks", cluster="web\nforged")

    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["cluster"] == "web\nforged"
