"""What has to be divided, or renamed, where a deployment has many clusters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

# The longest ARN, with quotes and a comma, less the name:
# arn:aws-us-gov:autoscaling:us-gov-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/
ARN_CHARACTERS = 95
# IAM: 6,144 characters a managed policy, of which one statement with its actions has to take its part.
STATEMENT_CHARACTERS = 5000
# EventBridge: 2,048 characters an event pattern.
PATTERN_CHARACTERS = 1700
# CloudFormation: a stack's name has at most 128 characters, of which "steady-watch-" takes 13.
LONGEST_PART = 115


def in_chunks(names: Sequence[str], most: int) -> Iterator[list[str]]:
    """Yield `names`, in their order, in lists so short that an ARN for each of them takes at most `most` characters.

    >>> [len(chunk) for chunk in in_chunks(["c" * 28] * 100, most=STATEMENT_CHARACTERS)]
    [50, 50]
    """
    chunk: list[str] = []
    characters = 0
    for name in names:
        if chunk and characters + ARN_CHARACTERS + len(name) > most:
            yield chunk
            chunk, characters = [], 0
        chunk.append(name)
        characters += ARN_CHARACTERS + len(name)
    if chunk:
        yield chunk


def in_a_stacks_name(cluster: str) -> str:
    """Return the part of a stack's name that names a cluster: letters, digits and hyphens, and not too many.

    >>> in_a_stacks_name("web-2"), in_a_stacks_name("my_web")
    ('web-2', 'my-web-db87a0cd')
    """
    if re.fullmatch(f"[A-Za-z0-9-]{{1,{LONGEST_PART}}}", cluster):
        return cluster
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:8]
    return f"{cluster.replace('_', '-')[: LONGEST_PART - 9]}-{digest}"
