"""The recipes of docs/launch-queue.md are run: what each caller would send reaches the queue, and its task runs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from simulator.world import World

PAGE = (Path(__file__).parents[2] / "docs" / "launch-queue.md").read_text()
JSON = [json.loads(block) for block in re.findall(r"```json\n(\{.*?\})\n```", PAGE, re.DOTALL)]
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def keyword(code: str, name: str) -> str:
    """The text that the call in `code` is given as `name`."""
    [found] = [
        k.value for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call) for k in n.keywords if k.arg == name
    ]
    text = ast.literal_eval(found)
    assert isinstance(text, str)
    return text


def of_scheduler() -> str:
    """EventBridge Scheduler User Guide, "Adding context attributes": it replaces the keyword in the input."""
    [target] = [block for block in JSON if "Input" in block]
    text: str = target["Input"]
    return text.replace("<aws.scheduler.scheduled-time>", "2026-01-01T18:59:43Z")


def of_step_functions() -> str:
    """Step Functions Developer Guide, "Parameters": the value of a key that ends in .$ is a path."""
    [state] = [block for block in JSON if block.get("Resource", "").startswith("arn:aws:states:::sqs:")]
    body: dict[str, Any] = state["Parameters"]["MessageBody"]
    return json.dumps({k.removesuffix(".$"): "execution-1" if k.endswith(".$") else v for k, v in body.items()})


MESSAGES = {
    "the request": json.dumps(next(block for block in JSON if "priority" in block)),
    "EventBridge Scheduler": of_scheduler(),
    "Step Functions": of_step_functions(),
    "Airflow": keyword(PYTHON[0], "message_content").replace("{{ ts_nodash }}", "20260101T000000"),
    "boto3": keyword(PYTHON[1], "MessageBody"),
}


@pytest.mark.parametrize("caller", MESSAGES)
def test_what_a_recipe_sends_runs_once(caller: str) -> None:
    world = World(seed=1)
    batch = world.group_cluster("batch", 2)
    batch.define("report", 256, 256)
    for _ in range(2):
        world.suite.launch(**json.loads(MESSAGES[caller]))
    world.run(30)

    assert len(batch.tasks("family:report")) == json.loads(MESSAGES[caller]).get("count", 1)
    assert world.suite.launches.dead_letters
    assert world.suite.launches.dead_letters.messages == []
