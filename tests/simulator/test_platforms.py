"""The platform that a task definition names: ECS places its tasks on that, and the pools that have it grow."""

from __future__ import annotations

import pytest

from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import World
from tests.simulator.test_several_pools import FLEET, GROUP, QUIET, targets

ARM = (("cpuArchitecture", "ARM64"), ("operatingSystemFamily", "LINUX"))
X86 = (("cpuArchitecture", "X86_64"),)
WINDOWS = (("operatingSystemFamily", "WINDOWS_SERVER_2022_CORE"),)


@pytest.mark.parametrize("instances", [0, 1])
@pytest.mark.parametrize(("platform", "grows"), [(ARM, "arm"), (X86, "x86")])
def test_a_task_goes_to_the_pool_of_the_architecture_that_its_definition_names(
    platform: tuple[tuple[str, str], ...], grows: str, instances: int
) -> None:
    world = World(seed=18)
    plans = {"x86": PoolPlan(FLEET, instances, {"m5.large": 1}), "arm": PoolPlan(FLEET, instances, {"m6g.large": 1})}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    pools["x86"].service("built-for-one", tasks=6, cpu=1024, memory=1000, platform=platform)
    world.run(600)

    assert len(pools[grows].running()) == 6
    other = "arm" if grows == "x86" else "x86"
    assert targets(pools)[grows] == 3
    assert targets(pools)[other] <= instances


@pytest.mark.parametrize("binds", [True, False])
@pytest.mark.parametrize("platform", [ARM, WINDOWS])
def test_a_platform_that_no_pool_has_costs_a_few_tries_at_most(
    platform: tuple[tuple[str, str], ...], *, binds: bool
) -> None:
    """If ECS places the tasks all the same, they get what they need."""
    world = World(seed=19)
    world.account.scheduler.binds_platform = binds
    web = world.group_cluster("web", 1, **{**QUIET, "max_capacity": 20})
    service = web.service("built-for-another", tasks=8, cpu=1024, memory=1000, platform=platform)
    world.run(3600)

    assert service.counts() == ((0, 0) if binds else (8, 0))
    assert web.target <= 8 if binds else web.target == 4


def test_an_operating_system_that_instances_have_is_kept_to() -> None:
    world = World(seed=20)
    plans = {"linux": PoolPlan(GROUP, 1, {"m5.large": 1}), "windows": PoolPlan(GROUP, 1, {"m5.xlarge": 1})}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    [instance] = (i for i in pools["windows"].instances() if i.instance_type == "m5.xlarge")
    instance.attributes |= {"ecs.os-type": "windows", "ecs.os-family": "WINDOWS_SERVER_2022_CORE"}
    world.run(120)
    pools["linux"].service("app", tasks=1, cpu=2048, memory=1000, platform=(("operatingSystemFamily", "LINUX"),))
    pools["linux"].service("iis", tasks=1, cpu=4096, memory=1000, platform=WINDOWS)
    world.run(600)

    assert {t.definition.family: t.instance.arn == instance.arn for t in pools["linux"].running()} == {
        "app": False,
        "iis": True,
    }


def test_the_account_is_not_asked_what_its_instances_say_of_themselves() -> None:
    world = World(seed=21)
    web = world.group_cluster("web", 1, **QUIET)
    web.service("api", tasks=3, cpu=1024, memory=1000, platform=ARM)
    world.run(130)

    calls = world.account.endpoint.total().calls
    assert calls["ecs:ListContainerInstances"] <= 2 * calls["ecs:ListServices"] + 2
