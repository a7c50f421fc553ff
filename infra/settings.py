"""What a deployment says of itself: the context of cdk.json, checked before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from constructs import Node

from steady.cluster import PoolKind, PoolName
from steady.thresholds import THRESHOLDS, parse_pool


class BadSettings(ValueError):
    """The context says something that cannot be deployed; the text names the key, the value and what is needed."""


@dataclass(frozen=True, slots=True)
class ManagedCluster:
    """One row of the table of clusters: its name, its pool, and the thresholds that differ from the defaults."""

    name: str
    pool: PoolName
    thresholds: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's settings."""

    clusters: tuple[ManagedCluster, ...]
    alarm_topic_arn: str
    powertools_layer_version: int

    @staticmethod
    def of(node: Node) -> Settings:
        """The settings in the context of `node`.

        Raises:
            BadSettings: naming what is wrong.
            BadThreshold: if a cluster's capacity or threshold is wrong.
        """
        rows = _json(node.try_get_context("clusters"))
        if not isinstance(rows, list) or not rows:
            raise BadSettings('context "clusters" is empty: a list of {"name": …, "capacity": …} is needed')
        clusters = tuple(_cluster(row) for row in rows)
        names = [c.name for c in clusters]
        pools = [str(c.pool) for c in clusters]
        for what, values in (("name", names), ("capacity", pools)):
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                raise BadSettings(f'context "clusters" has the {what} {twice[0]} twice: one cluster, one pool')
        return Settings(
            clusters,
            node.try_get_context("alarm_topic_arn") or "",
            int(node.try_get_context("powertools_layer_version") or 0),
        )

    def names_of(self, kind: PoolKind) -> list[str]:
        """The names of the pools of `kind`, for the resources that roles are limited to."""
        return [c.pool.name for c in self.clusters if c.pool.kind is kind]


def _json(context: Any) -> Any:
    """What `cdk -c key=value` gave as a text, as the value that cdk.json would hold."""
    if not isinstance(context, str):
        return context
    try:
        return json.loads(context)
    except json.JSONDecodeError as error:
        raise BadSettings(f'context "clusters" is no JSON ({error}): a list of clusters is needed') from error


def _cluster(row: Any) -> ManagedCluster:
    if not isinstance(row, dict) or not row.get("name") or not row.get("capacity"):
        raise BadSettings(f'context "clusters" has the row {row!r}: {{"name": …, "capacity": …}} is needed')
    where = f'context "clusters", {row["name"]}'
    thresholds = {}
    for name, value in row.get("thresholds", {}).items():
        if name not in THRESHOLDS:
            raise BadSettings(f"{where}: {name} is no threshold: one of {', '.join(THRESHOLDS)} is needed")
        THRESHOLDS[name].parse(str(value), f"{where}/{name}")
        thresholds[name] = str(value)
    return ManagedCluster(row["name"], parse_pool(row["capacity"], f"{where}/capacity"), thresholds)
