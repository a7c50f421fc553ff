"""Images of Docker Hub through a mirror: an ECR pull-through cache, which a whole fleet may pull from at once.

Docker Hub limits anonymous pulls by their IPv4 address (100 in six hours, Docker's "Usage and limits"), and all
instances behind a NAT gateway have one address.
"""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct


def mirrored(image: str, mirror: str) -> str:
    """Return the name of `image` in the mirror of Docker Hub; another registry's image, or without a mirror, its own.

    ECR names an official image by its full path (ECR: "Pulling an image with a pull through cache rule").

    >>> mirrored("prom/prometheus:v3.5.0", "1.dkr.ecr.eu-west-1.amazonaws.com/docker-hub")
    '1.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/prom/prometheus:v3.5.0'
    >>> mirrored("redis:8", "mirror/hub"), mirrored("ghcr.io/google/cadvisor:0.60.5", "mirror/hub")
    ('mirror/hub/library/redis:8', 'ghcr.io/google/cadvisor:0.60.5')
    """
    first, _, rest = image.partition("/")
    if not mirror or (rest and ("." in first or ":" in first)):
        return image
    return f"{mirror}/{image}" if rest else f"{mirror}/library/{image}"


def pull_through(scope: Construct, mirror: str) -> Iterator[iam.PolicyStatement]:
    """Yield what a role needs so that its first pull of an image fills the mirror (ECR: "IAM permissions required")."""
    registry, _, prefix = mirror.partition("/")
    account, _, _, region, *_ = registry.split(".")
    cached = cdk.Stack.of(scope).format_arn(
        service="ecr", region=region, account=account, resource="repository", resource_name=f"{prefix}/*"
    )
    actions = [
        "ecr:BatchGetImage",
        "ecr:BatchImportUpstreamImage",
        "ecr:CreateRepository",
        "ecr:GetDownloadUrlForLayer",
    ]
    yield iam.PolicyStatement(actions=actions, resources=[cached])
    # It has no resource (Service Authorization Reference: ECR).
    yield iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"])
