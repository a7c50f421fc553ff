"""The bill of an idle month, from the templates of a deployment. Instances, traffic and stored data are not in it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli.cost import prices
from steady.names import CAPACITY, CLUSTERS_PATH, POOLS

# What the autoscaler puts out at each tick (`steady.aws.scaling.reporting`, and Ticks). CloudWatch asks for each metric
# that had a value, by the hour.
METRICS_OF_A_CLUSTER = 12
# Of each pool where a cluster has several: the units that it holds, and how near its maximum it is.
METRICS_OF_A_POOL = 2
# The parameter of such a pool.
POOL_PARAMETER = re.compile(rf"{CLUSTERS_PATH}/[^/]+/{POOLS}/[^/]+/{CAPACITY}")
# The buckets of the ECS API that ticks draw on: reads of instances and tasks, of services, of clusters, of definitions.
METRICS_OF_THE_SUITE = 4
# Lambda, "Using Lambda with Amazon SQS": five parallel long polls of 20 s each, at first.
POLLS_A_MINUTE = 5 * 60 / 20
# A tick takes about a second (docs/benchmarks.md), writes an item of up to 4 KB, and logs about 3 KB.
TICK_S, TICK_WRITE_UNITS, TICK_LOG_GB = 1.0, 4, 3e-6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill.

    Attributes:
        units: how many of it there are in a month; `free`: how many of them every account has free of charge.
        price: USD for each.
    """

    what: str
    units: float
    price: float
    free: float = 0

    @property
    def listed(self) -> float:
        """Return the USD a month at the list price."""
        return self.units * self.price

    @property
    def charged(self) -> float:
        """Return the USD a month where nothing else in the account uses what is free."""
        return max(0.0, self.units - self.free) * self.price


def bill_of(templates: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Return the lines of an idle month of the deployment that `templates` make, those of USD 0 left out."""
    resources = [resource for template in templates for resource in template.get("Resources", {}).values()]
    return [line for line in (*_of_the_suite(resources), *_of_the_network(resources)) if line.units]


def _of_the_suite(resources: list[Mapping[str, Any]]) -> Iterator[Line]:
    count = Counter(resource["Type"] for resource in resources)
    clusters = sum(
        r["Type"] == "AWS::Scheduler::Schedule" and r["Properties"]["ScheduleExpression"] == "rate(1 minute)"
        for r in resources
    )
    ticks = clusters * prices.MINUTES
    memory = next(
        (
            r["Properties"]["MemorySize"]
            for r in resources
            if r["Type"] == "AWS::Lambda::Function" and r["Properties"]["Handler"].startswith("autoscaler.")
        ),
        0,
    )
    named = (r["Properties"]["Name"] for r in resources if r["Type"] == "AWS::SSM::Parameter")
    pools = sum(bool(POOL_PARAMETER.fullmatch(name)) for name in named)
    metrics = clusters * METRICS_OF_A_CLUSTER + pools * METRICS_OF_A_POOL + METRICS_OF_THE_SUITE
    polls = count["AWS::Lambda::EventSourceMapping"] * POLLS_A_MINUTE * prices.MINUTES
    yield Line("alarms", count["AWS::CloudWatch::Alarm"], prices.ALARM, prices.FREE_ALARMS)
    yield Line("custom metrics", metrics, prices.METRIC, prices.FREE_METRICS)
    shown = [_metrics_of(r) for r in resources if r["Type"] == "AWS::CloudWatch::Dashboard"]
    large = sum(metrics > prices.FREE_METRICS_OF_A_DASHBOARD for metrics in shown)
    yield Line("dashboards", len(shown) - large, prices.DASHBOARD, prices.FREE_DASHBOARDS)
    yield Line("dashboards of more than 50 metrics", large, prices.DASHBOARD)
    yield Line("polls of queues (SQS)", polls, prices.SQS_REQUEST, prices.FREE_REQUESTS)
    yield Line(
        "ticks, their time (GB-s of Lambda)", ticks * TICK_S * memory / 1024, prices.LAMBDA_GB_S, prices.FREE_GB_S
    )
    yield Line("ticks, their calls (Lambda)", ticks, prices.LAMBDA_CALL, prices.FREE_CALLS)
    yield Line("writes of the ledger (DynamoDB)", ticks * TICK_WRITE_UNITS, prices.WRITE_UNIT)
    yield Line("log lines (GB)", ticks * TICK_LOG_GB, prices.LOG_GB, prices.FREE_LOG_GB)


def _metrics_of(dashboard: Mapping[str, Any]) -> int:
    """Return how many metrics a dashboard shows. Its body is a text with references."""
    body = dashboard["Properties"]["DashboardBody"]
    parts = body["Fn::Join"][1] if isinstance(body, dict) else [body]
    widgets = json.loads("".join(part if isinstance(part, str) else "-" for part in parts))["widgets"]
    return sum(len(widget["properties"].get("metrics", ())) for widget in widgets)


def _of_the_network(resources: list[Mapping[str, Any]]) -> Iterator[Line]:
    count = Counter(resource["Type"] for resource in resources)
    yield Line("NAT gateways", count["AWS::EC2::NatGateway"], prices.NAT_GATEWAY)
    yield Line("their public addresses", count["AWS::EC2::EIP"], prices.PUBLIC_ADDRESS)
    yield Line(
        "load balancers of log aggregators", count["AWS::ElasticLoadBalancingV2::LoadBalancer"], prices.NETWORK_BALANCER
    )
    yield Line("secrets (Grafana)", count["AWS::SecretsManager::Secret"], prices.SECRET)
    yield Line(
        "private DNS zones (monitoring)", count["AWS::ServiceDiscovery::PrivateDnsNamespace"], prices.HOSTED_ZONE
    )
