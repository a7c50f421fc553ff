"""The machine images that clusters start from: one common image for all, and another for those with GPUs.

An image is the name of an SSM parameter that holds an AMI's id: a public one, or one of your own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from infra.settings.checks import REQUIRED, Flag, Table, needs, text

COMMON = "common"
GPU = "gpu"
_ECS = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
_CANONICAL = "/aws/service/canonical/ubuntu/server/24.04/stable/current"


class Distribution(StrEnum):
    """The system of an image. An ECS-optimized one has Docker and the agent; Ubuntu gets both at its first boot."""

    ECS_OPTIMIZED = "ecs-optimized"
    UBUNTU = "ubuntu"


class Architecture(StrEnum):
    """The instruction set of an image or of an instance type."""

    X86_64 = "x86_64"
    ARM64 = "arm64"


class Image(Table):
    """One machine image. `parameter` is the SSM parameter that holds its AMI id."""

    parameter: Annotated[str, text(r"\S+", "the name of the SSM parameter that holds the AMI's id")] = REQUIRED
    distribution: Annotated[Distribution, needs(" or ".join(Distribution))] = Distribution.ECS_OPTIMIZED
    architecture: Annotated[Architecture, needs(" or ".join(Architecture))] = Architecture.X86_64
    gpu: Flag = False

    @property
    def root_device(self) -> str:
        """Return the device name of the root volume."""
        return "/dev/sda1" if self.distribution is Distribution.UBUNTU else "/dev/xvda"


BUILT_IN: Mapping[str, Image] = {
    COMMON: Image(parameter=f"{_ECS}/recommended/image_id"),
    "arm64": Image(parameter=f"{_ECS}/arm64/recommended/image_id", architecture=Architecture.ARM64),
    GPU: Image(parameter=f"{_ECS}/gpu/recommended/image_id", gpu=True),
    "ubuntu": Image(parameter=f"{_CANONICAL}/amd64/hvm/ebs-gp3/ami-id", distribution=Distribution.UBUNTU),
    "ubuntu-arm64": Image(
        parameter=f"{_CANONICAL}/arm64/hvm/ebs-gp3/ami-id",
        distribution=Distribution.UBUNTU,
        architecture=Architecture.ARM64,
    ),
}
