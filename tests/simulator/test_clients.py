"""The simulated account's clients are alike, and share nothing that one of them can change."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import OperationNotPageableError

from simulator.world import World
from steady.aws.runtime import STEP_CONFIG


def test_a_client_has_the_handlers_of_its_session_so_far_and_of_no_other() -> None:
    world = World(seed=1)
    world.group_cluster("web", 1)
    endpoint = world.account.endpoint
    ours, theirs = endpoint.session("ours"), endpoint.session("theirs")
    heard: list[str] = []
    before = ours.client("ecs", config=STEP_CONFIG)
    ours.events.register("before-parameter-build.ecs", lambda model, **event: heard.append(model.name))
    after = ours.client("ecs", config=STEP_CONFIG)

    before.list_services(cluster="web")
    theirs.client("ecs", config=STEP_CONFIG).list_services(cluster="web")
    assert heard == []
    after.list_tasks(cluster="web")

    assert heard == ["ListTasks"]
    assert endpoint.counted("ours").calls == {"ecs:ListServices": 1, "ecs:ListTasks": 1}
    assert endpoint.counted("theirs").calls == {"ecs:ListServices": 1}


def test_each_client_has_its_own_configuration_by_which_its_retries_are_counted() -> None:
    session = World(seed=1).account.endpoint.session("ours")

    one, two = (session.client("ecs", config=STEP_CONFIG) for _ in range(2))

    assert one.meta.config is not two.meta.config
    assert one.meta.config.read_timeout == two.meta.config.read_timeout == STEP_CONFIG.read_timeout  # type: ignore[attr-defined]


def test_worlds_of_one_process_answer_their_own_clients() -> None:
    found = []
    for name in ("web", "batch"):
        world = World(seed=1)
        world.group_cluster(name, 1)
        found.append(world.suite.runtime("test").ecs.list_container_instances(cluster=name)["containerInstanceArns"])

    assert [len(arns) for arns in found] == [1, 1]
    assert "/web/" in found[0][0]
    assert "/batch/" in found[1][0]


def test_pages_are_read_as_by_botocores_own_paginator() -> None:
    world = World(seed=1)
    world.group_cluster("web", 250)
    client: Any = world.suite.runtime("test").ecs
    real: Any = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b").client("ecs")

    pages = list(client.get_paginator("list_container_instances").paginate(cluster="web"))

    assert [len(page["containerInstanceArns"]) for page in pages] == [100, 100, 50]
    for made in (client, real):
        with pytest.raises(OperationNotPageableError):
            made.get_paginator("stop_task")
