"""Scale-in of Spot Instances: what the suite itself has ended is no sign that the market has no more."""

from __future__ import annotations

import pytest

from simulator.world import World


@pytest.mark.parametrize("kind", ["fleet", "group"])
@pytest.mark.parametrize("instances", [2, 4])
def test_what_is_emptied_and_ended_is_not_made_up_for(kind: str, instances: int) -> None:
    world = World(seed=1)
    build = world.spot_cluster if kind == "fleet" else world.spot_group_cluster
    web = build("web", instances, learning="off", start_at_once_share=0, scale_in_after_seconds=60)
    web.service("api", 1, cpu=500, memory=500)

    world.run(1500)

    assert web.target == len(web.ec2_instances()) == 1
    assert {i.on_demand for i in world.account.ec2.instances.values()} == {False}
    rules = {r["rule"] for line in world.suite.telemetry.decisions() for r in line.fields["reasons"]}
    assert "FellBack" not in rules
