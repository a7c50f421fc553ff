"""Renewal and load balancers: an instance on which targets are unhealthy ends it; one that is slow is waited for."""

from __future__ import annotations

import math

import pytest

from simulator.errors import AwsError
from simulator.faults import Refused
from simulator.world import SimulatedCluster
from steady.pools import PoolKind
from tests.simulator.test_renewal import HOURS, IMAGE, cluster, launch_from, left, until_renewed


def begun(grace_s: float, **thresholds: int) -> tuple[SimulatedCluster, set[str]]:
    """Begin to renew a cluster with an image on which targets are unhealthy, and let a service start tasks there."""
    web = cluster(PoolKind.AUTO_SCALING_GROUP, 4, **thresholds)
    web.world.account.ec2.templates.unhealthy.add(IMAGE)
    old = launch_from(web)
    web.world.run(120)
    web.service("new", 10, cpu=64, memory=64, requests_per_s=1, delay_s=60.0).health_check_grace_s = grace_s
    return web, old


def said(web: SimulatedCluster) -> str:
    return "".join(str(line.fields) for line in web.world.suite.telemetry.decisions())


@pytest.mark.parametrize("grace_s", [0.0, 240.0])
def test_an_image_on_which_targets_are_unhealthy_costs_one_instance(grace_s: float) -> None:
    web, old = begun(grace_s, renew_bake_seconds=300)
    web.world.run(3600)

    assert left(web, old) == old
    assert web.target == 4
    assert "renewal stopped" in said(web)
    assert "service new" in said(web)
    assert {one.image for one in web.ec2_instances()} != {IMAGE}


def test_a_target_that_is_unhealthy_and_draining_is_no_healthy_one() -> None:
    web, _ = begun(1200.0, renew_bake_seconds=120)
    for group in web.world.account.balancing.groups.values():
        group.unhealthy_drains_s = 360_000.0
    web.world.run(1000)

    assert {instance.status for instance in web.instances()} == {"ACTIVE"}
    assert "targets on the first new instance are not healthy (new)" in said(web)


def test_while_the_grace_period_lasts_renewal_waits_and_then_a_target_is_enough() -> None:
    web, old = begun(1200.0, renew_bake_seconds=120)
    web.world.run(1000)
    assert left(web, old) == old
    assert "targets on the first new instance are not healthy (new)" in said(web)
    assert "renewal stopped" not in said(web)

    web.world.run(1500)
    assert left(web, old) == old
    assert "renewal stopped" in said(web)


def test_a_target_that_needs_its_time_is_waited_for_and_renewal_goes_on() -> None:
    web, old = begun(900.0, renew_bake_seconds=120)
    web.world.run(400)
    assert left(web, old) == old

    # The application has started at last.
    balancing = web.world.account.balancing
    web.world.account.ec2.templates.unhealthy.clear()
    balancing.failing.clear()
    for group in balancing.groups.values():
        for target in group.targets.values():
            if math.isfinite(target.unhealthy_at):
                target.healthy_at, target.unhealthy_at = web.world.clock.now, math.inf
    until_renewed(web, old)

    assert left(web, old) == set()


def test_targets_that_are_unhealthy_everywhere_end_no_renewal() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, 4, renew_budget=50)
    web.world.account.balancing.failing |= {one.id for one in web.ec2_instances()}
    web.world.account.ec2.templates.unhealthy.add(IMAGE)
    launch_from(web)
    web.world.run(180)
    web.service("new", 10, cpu=64, memory=64, requests_per_s=1).health_check_grace_s = 0.0
    web.world.run(600)

    assert "renewal stopped" not in said(web)


def test_what_elb_does_not_say_ends_no_renewal() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, 4, renew_budget=50)
    refusal = AwsError("AccessDenied", "not authorized to perform: DescribeTargetHealth", 403)
    web.world.account.endpoint.fault = Refused("elbv2:DescribeTargetHealth", refusal, HOURS * 3600.0)
    old = launch_from(web)
    web.world.run(180)
    web.service("new", 10, cpu=64, memory=64, requests_per_s=1)
    until_renewed(web, old)

    assert left(web, old) == set()
    warnings = [line.message for line in web.world.suite.telemetry.log_lines if line.level == "warning"]
    assert any("whether targets are healthy" in text for text in warnings)
