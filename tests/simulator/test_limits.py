"""The rate limits of AWS's APIs, the latency of calls, and the SDK's retries (`simulator.timing.Timing`)."""

from __future__ import annotations

import random
import statistics
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator.durations import drawn
from simulator.errors import AwsError
from simulator.faults import Refused
from simulator.retries import Retries
from simulator.target_groups import TargetGroup
from simulator.timing import Timing
from simulator.world import World
from steady.aws.service_out import targets
from steady.service_out.doomed import Target

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
THRICE = Config(retries={"mode": "standard", "total_max_attempts": 3})


def limited(**changes: Any) -> World:
    return World(seed=1, duplicates=0.0, scaling=False, timing=Timing(limits=True, **changes))


def client(world: World, service: str, config: Config = ONCE) -> boto3.client:
    return world.account.endpoint.session("test").client(service, config=config)


def passed(world: World, call: Any, tries: int) -> tuple[int, set[tuple[str, int]]]:
    """Make `tries` calls at once; return how many passed, and the code and the status of the others' errors."""
    errors: list[tuple[str, int]] = []

    def one(_: int) -> None:
        try:
            call()
        except ClientError as error:
            errors.append((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]))

    world.clock.in_parallel(one, range(tries), at_once=tries)
    return tries - len(errors), set(errors)


@pytest.mark.parametrize(
    ("service", "action", "params", "burst", "error"),
    [
        ("elbv2", "describe_target_health", {}, 40, ("Throttling", 400)),
        ("elbv2", "deregister_targets", {"Targets": [{"Id": "i-1"}]}, 20, ("Throttling", 400)),
        ("ec2", "describe_spot_fleet_requests", {"SpotFleetRequestIds": []}, 50, ("RequestLimitExceeded", 503)),
        ("autoscaling", "describe_auto_scaling_groups", {"AutoScalingGroupNames": []}, 100, ("Throttling", 400)),
        ("ssm", "get_parameters_by_path", {"Path": "/steady"}, 40, ("ThrottlingException", 400)),
    ],
)
def test_each_service_throttles_with_its_own_code(
    service: str, action: str, params: dict[str, Any], burst: int, error: tuple[str, int]
) -> None:
    world = limited()
    if service == "elbv2":
        params = {**params, "TargetGroupArn": world.account.balancing.add(TargetGroup("api")).arn}
    call = getattr(client(world, service), action)

    assert passed(world, lambda: call(**params), 120) == (burst, {error})


def test_only_ecs_throttles_without_the_option() -> None:
    world = World(seed=1, scaling=False)
    ssm = client(world, "ssm")

    assert passed(world, lambda: ssm.get_parameters_by_path(Path="/steady"), 120) == (120, set())


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown"])
def test_the_sdk_tries_again_after_each_throttling_code_and_not_after_others(code: str) -> None:
    retries, config = Retries(random.Random(1), quota=False), THRICE

    assert retries.delay_s(config, "elbv2", 1, AwsError(code, ""), {}) is not None
    assert retries.delay_s(config, "elbv2", 3, AwsError(code, ""), {}) is None, "it has three tries"
    assert retries.delay_s(config, "elbv2", 1, AwsError("AccessDenied", ""), {}) is None


def test_a_client_without_quota_left_does_not_try_again() -> None:
    world = limited(retry_quota=True)
    ssm = client(world, "ssm", THRICE)
    world.account.endpoint.fault = Refused.throttled("ssm:GetParametersByPath", 3600)

    for _ in range(80):
        with pytest.raises(ClientError):
            ssm.get_parameters_by_path(Path="/steady")

    # 500 tokens, 5 a retry after throttling: 100 retries of all calls together.
    assert world.account.endpoint.tries == 80 + 100
    other = client(world, "ssm", THRICE)
    assert world.account.endpoint.retries.quota_left(other.meta.config) == 500
    assert world.account.endpoint.retries.quota_left(ssm.meta.config) == 0


def test_a_success_gives_the_quota_back() -> None:
    world = limited(retry_quota=True)
    ssm = client(world, "ssm", THRICE)
    world.account.endpoint.fault = Refused.throttled("ssm:GetParametersByPath", 0.01)
    ssm.get_parameters_by_path(Path="/steady")

    assert world.account.endpoint.tries == 2
    assert world.account.endpoint.retries.quota_left(ssm.meta.config) == 500


@pytest.mark.parametrize("mean_s", [0.03, 0.1, 0.3])
def test_calls_have_a_tail_around_their_mean(mean_s: float) -> None:
    draw = drawn(mean_s, 5.0, (0.7, 1.3), random.Random(1))
    took = [draw() for _ in range(20_000)]
    cuts = statistics.quantiles(took, n=100)

    assert statistics.mean(took) == pytest.approx(mean_s, rel=0.05)
    assert cuts[98] / cuts[49] == pytest.approx(5.0, rel=0.1)


def test_two_lists_of_targets_in_one_step_draw_on_the_same_tokens_of_elb() -> None:
    world = limited()
    web = world.spot_cluster("web", 1)
    groups = [web.target_group(str(number), requests_per_s=0.0) for number in range(40)]
    runtime = world.suite.runtime("test")
    world.account.endpoint.log = []

    def leave() -> None:
        targets.deregister(runtime, [Target(group.arn, "i-1", 80) for group in groups[:20]])
        targets.deregister(runtime, [Target(group.arn, "i-1", 80) for group in groups[20:]])

    world.clock.spawn(leave)
    world.run(30)

    made = [call for call in world.account.endpoint.log if call.name == "elbv2:DeregisterTargets"]
    assert len(made) == 40
    assert [call.error for call in made if call.error] == []
