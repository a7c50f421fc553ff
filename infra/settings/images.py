"""The machine images that clusters start from: one common image for all, and another for those with GPUs.

An image is the name of an SSM parameter that holds an AMI's id: a public one, or one of your own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from infra.settings.errors import BadSettings

COMMON = "common"
GPU = "gpu"
_ECS = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
_CANONICAL = "/aws/service/canonical/ubuntu/server/24.04/stable/current"


class Distribution(StrEnum):
    """What the user data has to do: an ECS-optimized image has Docker and the agent, Ubuntu gets both at its boot."""

    ECS_OPTIMIZED = "ecs-optimized"
    UBUNTU = "ubuntu"


class Architecture(StrEnum):
    X86_64 = "x86_64"
    ARM64 = "arm64"


@dataclass(frozen=True, slots=True)
class Image:
    """One machine image. `parameter` is the SSM parameter that holds its AMI id."""

    name: str
    parameter: str
    distribution: Distribution = Distribution.ECS_OPTIMIZED
    architecture: Architecture = Architecture.X86_64
    gpu: bool = False

    @property
    def root_device(self) -> str:
        return "/dev/sda1" if self.distribution is Distribution.UBUNTU else "/dev/xvda"


BUILT_IN: Mapping[str, Image] = {
    image.name: image
    for image in (
        Image(COMMON, f"{_ECS}/recommended/image_id"),
        Image("arm64", f"{_ECS}/arm64/recommended/image_id", architecture=Architecture.ARM64),
        Image(GPU, f"{_ECS}/gpu/recommended/image_id", gpu=True),
        Image("ubuntu", f"{_CANONICAL}/amd64/hvm/ebs-gp3/ami-id", Distribution.UBUNTU),
        Image("ubuntu-arm64", f"{_CANONICAL}/arm64/hvm/ebs-gp3/ami-id", Distribution.UBUNTU, Architecture.ARM64),
    )
}


def images_of(context: Any) -> dict[str, Image]:
    """The built-in images, under those that the context `images` names.

    Raises:
        BadSettings: naming the image, what it says, and what is needed.
    """
    if not isinstance(context or {}, dict):
        raise BadSettings(f'context "images" is {context!r}: {{"common": {{"parameter": …}}}} is needed')
    return {**BUILT_IN, **{name: _image(name, says) for name, says in (context or {}).items()}}


def _image(name: str, says: Any) -> Image:
    where = f'context "images", {name}'
    known = {"parameter", "distribution", "architecture", "gpu"}
    if not isinstance(says, dict) or not isinstance(says.get("parameter"), str) or set(says) - known:
        raise BadSettings(f"{where} is {says!r}: a parameter, and of {', '.join(sorted(known))} no other, is needed")
    try:
        return Image(
            name,
            says["parameter"],
            Distribution(says.get("distribution", Distribution.ECS_OPTIMIZED)),
            Architecture(says.get("architecture", Architecture.X86_64)),
            bool(says.get("gpu", False)),
        )
    except ValueError as error:
        choices = ", ".join((*Distribution, *Architecture))
        raise BadSettings(f"{where}: {error}: one of {choices} is needed") from error
