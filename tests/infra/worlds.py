"""Worlds in which each function has reason to do all that it can; each keeps a log of all calls."""

from __future__ import annotations

import json
from collections.abc import Iterator

from interruption_handler.notices import rebalance_recommendation, spot_interruption
from simulator.ecs.launching import Launch
from simulator.ecs.state import Task
from simulator.fleet_history import ROLE_INVALID
from simulator.service_kinds import KINDS
from simulator.several_pools import PoolPlan, cluster_of_pools
from simulator.suite import FAILURE_TOPIC
from simulator.world import SimulatedCluster, World
from steady.drain_mark import ATTRIBUTE, DrainMark, DrainReason
from steady.names import BASE_TAG
from steady.pools import PoolKind
from tests.simulator.spot_groups import group_of


def worlds() -> Iterator[World]:
    of_scaling = (_world_of_ticks, world_of_pools, _world_of_failures, _world_of_renewal)
    for build in (_world_of_interruptions, *of_scaling, _world_of_launches):
        world = build()
        assert not [f for function in world.suite.functions() for f in function.failures]
        yield world


def _busy_world(**thresholds: int | str) -> tuple[World, list[SimulatedCluster]]:
    """Each kind of cluster, with instances that are hardly used, under a threshold that does not parse."""
    world = World(seed=1)
    world.account.endpoint.log = []
    # What runs is compared with what the pool launches, and nothing is out of date long enough to be replaced.
    thresholds = {"renew": "drift", "renew_window": "Tue 00:00-00:01 UTC", **thresholds}
    # Whether a type that has not registered yet gets a trunk, must be asked.
    world.account.scheduler.settings.trunking = False
    clusters = [
        world.group_cluster("web", 16, types={"m5.large": 1, "m5.xlarge": 2}, **thresholds),
        world.spot_cluster("batch", 16, **thresholds),
        world.spot_group_cluster("spot", 16, **thresholds),
    ]
    # Of its base, which is not needed any more, none is the owner's.
    group_of(clusters[2]).on_demand_base, group_of(clusters[2]).tags[BASE_TAG] = 1, "own=0 set=0/1"
    for cluster in clusters:
        world.account.parameters.put(f"/steady/clusters/{cluster.name}/drift_seconds", "often")
        cluster.service("api", 16, cpu=100, memory=100, requests_per_s=1)
        # Whose a capacity provider is, must be asked.
        cluster.service("others", 0, launch=Launch.on(world.provide("theirs", "theirs")))
        world.account.ec2.templates.of(cluster.pool.template).images.append("ami-00000000000000002")
        cluster.pool.template_version = "2"
        # One has come back long ago.
        cluster.instances()[0].attributes[ATTRIBUTE] = str(DrainMark(DrainReason.STOP, 1, 1, is_over=True))
    # It fits no instance, and so lacks its task at every look.
    clusters[0].service("apart", 1, cpu=999_999, memory=100, awsvpc=True)
    world.run(50)
    return world, clusters


def _world_of_interruptions() -> World:
    world, (web, batch, spot) = _busy_world(mode="paused")
    batch.service("named", 16, cpu=100, memory=100, requests_per_s=1, **KINDS["cloud-map"])
    world.run(50)
    leaving = web.ec2_instances()[0]
    assert leaving.container_instance
    web.batch_task(leaving.container_instance, run_s=300)
    recommended = {"instance-id": batch.ec2_instances()[0].id}
    world.account.messaging.put_event({**rebalance_recommendation.SAMPLE, "detail": recommended})
    world.run(5)
    # Half of them first: the service has healthy targets elsewhere.
    batch.reclaim(8)
    spot.reclaim(8)
    world.account.groups.fail(leaving)
    world.run(60)
    batch.reclaim()
    world.account.messaging.put_event({**spot_interruption.SAMPLE, "detail": {}})
    world.run(400)
    return world


def _world_of_ticks() -> World:
    world, clusters = _busy_world(scale_in_after_seconds=60, scale_in_share=50)
    world.run(400)
    for cluster in clusters:
        cluster.service("more", 40, cpu=1024, memory=1000)
    world.account.messaging.enqueue(world.suite.triggers, "no trigger")
    world.account.groups.on_terminating = lambda group, waiting: None
    world.account.groups.fail(clusters[0].ec2_instances()[0])
    for cluster in clusters[1:]:
        world.account.spot.set_available(cluster.pool, 0.5)
    world.run(400)
    # Spot comes back: in the end the fleet's on-demand part is its owner's again.
    for cluster in clusters[1:]:
        world.account.spot.set_available(cluster.pool, 1.0)
    world.run(2000)
    return world


def world_of_pools() -> World:
    """A cluster with two pools: both grow, and shrink again."""
    world = World(seed=5)
    world.account.endpoint.log = []
    fleet = PoolPlan(PoolKind.SPOT_FLEET, 2, parameters={"priority": 10, "max_capacity": 4})
    plans = {"base": PoolPlan(PoolKind.AUTO_SCALING_GROUP, 2), "spot": fleet}
    mix = cluster_of_pools(world, "mix", plans, scale_in_after_seconds=60)["base"]
    text = {"group_name": "mix-base", "cluster": "mix", "hako_task_id": "early", "cpu": 2048, "memory": 4096}
    world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))
    world.run(30)
    api = mix.service("api", 20, cpu=1024, memory=2048, requests_per_s=1)
    world.run(600)
    api.desired = 1
    world.account.scheduler.services.reconcile(api)
    world.account.spot.reclaim(list(world.account.fleets.fleets["sfr-mix-spot"].members.values())[:1])
    # Spot prices are read anew after an hour.
    world.run(3600)
    return world


def _world_of_renewal() -> World:
    """A new instance bakes, and has tasks behind a load balancer: ticks look at it, and what a failure wakes."""
    world = World(seed=7)
    world.account.endpoint.log = []
    web = world.group_cluster("web", 2, min_capacity=2, renew="drift", renew_bake_seconds=900)
    world.account.ec2.templates.of(web.pool.template).images.append("ami-00000000000000002")
    web.pool.template_version = "$Latest"
    world.run(200)
    web.service("api", 6, cpu=64, memory=64, requests_per_s=1)
    for number in range(10):
        text = {"group_name": "web", "cluster": "web", "hako_task_id": f"run-{number}", "cpu": 999_999, "memory": 100}
        world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))
        world.run(20)
    return world


def _world_of_failures() -> World:
    """The autoscaler does not run: whatever is to be decided, the RunTask failures' function decides."""
    world, clusters = _busy_world(scale_in_after_seconds=60, scale_in_share=50)
    assert world.suite.autoscaler
    world.suite.autoscaler.handler = lambda event, context: {}
    for number in range(60):
        for cluster in clusters:
            # Most ask for more than any instance has, which is no want: the cluster may shrink meanwhile.
            cpu = 2048 if number >= 50 else 999_999
            text = {"cluster": cluster.name, "hako_task_id": f"{cluster.name}-{number}", "cpu": cpu, "memory": 100}
            world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))
        world.run(20)
    # EC2 launches no more: why, the group's scaling activities say, and the fleet's history.
    clusters[0].pool.unavailable |= {"m5.large", "m5.xlarge"}  # type: ignore[union-attr]
    clusters[1].pool.refusal = ROLE_INVALID  # type: ignore[union-attr]
    world.account.spot.set_available(clusters[2].pool, 0.5)
    for number in range(60, 80):
        for cluster in clusters:
            text = {"cluster": cluster.name, "hako_task_id": f"{cluster.name}-{number}", "cpu": 2048, "memory": 100}
            world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))
        world.run(10)
    # What was short is launched: the fleet's on-demand part is its owner's again.
    clusters[1].pool.refusal = None  # type: ignore[union-attr]
    world.account.fleets.look_soon(clusters[1].pool)  # type: ignore[arg-type]
    for number in range(80, 100):
        text = {"cluster": "batch", "hako_task_id": f"batch-{number}", "cpu": 999_999, "memory": 100}
        world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))
        world.run(10)
    world.account.messaging.publish(FAILURE_TOPIC, "no failure")
    world.run(20)
    return world


def _world_of_launches() -> World:
    """Requests that run, that wait, that name a capacity provider, and one that is none."""
    world, clusters = _busy_world()
    web = clusters[0]
    for cluster in clusters:
        cluster.define("report", 100, 100)
        world.suite.launch(cluster=cluster.name, taskDefinition="report", tags=[{"key": "team", "value": "a"}])
    web.define("huge", 999_999, 100)
    strategy = [{"capacityProvider": world.provide("ours", "web"), "weight": 1}]
    world.suite.launch(cluster="web", taskDefinition="huge", capacityProviderStrategy=strategy, deadline=30)
    world.suite.launch(cluster="web", taskDefinition="huge")
    world.suite.launch(cluster="web")
    # States of Step Functions wait for one that ends, and for one that is given up.
    world.account.step_functions.waiting |= {"ends", "late"}
    world.suite.launch(cluster="batch", taskDefinition="report", taskToken="ends", clientToken="ends")
    world.suite.launch(cluster="batch", taskDefinition="unknown", taskToken="late")

    def end_soon(task: Task) -> None:
        task.run_s = 5.0 if task.group == "family:report" else None

    world.account.scheduler.observer.started = end_soon
    world.run(20)
    # Of a gang, ECS starts a part: what is seen of the rooms is from before others took them.
    web.define("gang", 100, 100)
    apart = [{"type": "distinctInstance"}]
    world.suite.launch(cluster="web", taskDefinition="gang", count=10, placementConstraints=apart)
    world.run(20)
    world.suite.launch(cluster="web", taskDefinition="gang", count=10, placementConstraints=apart, all_or_nothing=True)
    world.run(100)
    return world
