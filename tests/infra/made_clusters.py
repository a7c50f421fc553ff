"""Templates of clusters that the deployment makes, and what their launch templates hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from infra import stacks
from infra.stacks import Stacks

CONTEXT = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
EXAMPLE = CONTEXT["environments"]["example"]
KINDS = ("web", "batch", "train")
ROW: dict[str, Any] = {"name": "web", "kind": "spot-fleet", "types": {"m5.large": 1}, "zones": ["us-east-1a"]}


def synthesized(**context: Any) -> tuple[Stacks, dict[str, Template]]:
    [added] = stacks.add_to(cdk.App(context=context))
    return added, {
        cluster.stack_name.removeprefix("steady-cluster-"): Template.from_stack(cluster) for cluster in added.clusters
    }
