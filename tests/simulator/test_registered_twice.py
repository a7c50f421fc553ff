"""An agent that has registered twice: what serves under the first registration leaves its load balancer, too.

amazon-ecs-agent #782: the first container instance stays, disconnected. Its containers run on, and take requests; no
agent hears of their stop.
"""

from __future__ import annotations

import pytest

from simulator.world import World


@pytest.mark.parametrize("kind", ["spot", "group"])
def test_targets_of_an_earlier_registration_are_deregistered_before_the_instance_ends(kind: str) -> None:
    world = World(seed=6)
    build = world.spot_cluster if kind == "spot" else world.group_cluster
    web = build("web", 6, mode="paused")
    service = web.service("api", 12, requests_per_s=2)
    world.run(60)
    machines = web.ec2_instances()[:2]
    earlier = [i for machine in machines if (i := machine.container_instance)]
    for machine in machines:
        world.account.ec2.register_again(machine)
    targets = [t for i in earlier for task in i.tasks.values() for t in task.targets]
    world.run(30)

    if kind == "spot":
        world.account.spot.reclaim(machines)
    else:
        for machine in machines:
            world.account.groups.fail(machine)
    world.run(900)

    assert targets
    assert not any(machine.alive for machine in machines)
    assert world.account.balancing.failed_requests == 0
    assert sum(not t.stopping for t in service.tasks.values()) == 12
    assert world.account.balancing.unserved_requests == 0
