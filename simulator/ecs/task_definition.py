"""Task definitions, as far as the simulated account needs them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID
from steady.architecture import platform_constraints
from steady.cluster import Size

ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}"

# Seconds from SIGTERM to a container's end: a number; a lowest and a highest, of which each task draws one; or a
# function that draws them.
ExitTimes = float | tuple[float, float] | Callable[[random.Random], float]


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """One revision of a task definition, with one container and the chain of containers that it depends on.

    Attributes:
        exit_s: seconds that a container takes to end after SIGTERM; None: those of the account's `Timing.exits`.
        chain: the stop timeouts of further containers. The main container depends on the first of them, and each of
            them on the next one: all are stopped in this order, one after the other.
        log_router_s: the stop timeout of its FireLens log router, which all others log through; None: it has none.
        container_port: the port on which the container listens; None: it listens on none.
        host_port: a fixed port of the instance; None: ECS chooses one.
        host_network: whether the container shares the instance's network: it listens on `container_port` there.
        starts: whether the container can start.
        image: its image, which an instance pulls once; "": one with the family's name.
        gpus: how many GPUs of its instance a task pins.
        platform: its `runtimePlatform`: `cpuArchitecture` and `operatingSystemFamily`, as far as it names them.
        member_of: the expressions of its memberOf placement constraints.
        distinct: whether each task of its group is on another instance (distinctInstance of a call of RunTask,
            or of the service; "Amazon ECS looks at the desired status of the tasks", ECS Developer Guide).
    """

    family: str
    size: Size
    revision: int = 1
    stop_timeout_s: int = 30
    exit_s: ExitTimes | None = None
    container: str = "app"
    container_port: int | None = None
    host_port: int | None = None
    awsvpc: bool = False
    host_network: bool = False
    starts: bool = True
    chain: tuple[int, ...] = ()
    log_router_s: int | None = None
    member_of: tuple[str, ...] = ()
    distinct: bool = False
    image: str = ""
    gpus: int = 0
    platform: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return f"{ARN}:task-definition/{self.family}:{self.revision}"

    @property
    def constraints(self) -> tuple[str, ...]:
        """The expressions that an instance must satisfy: its placement constraints, and its platform.

        amazon-ecs-agent PR 3044: a task of an OS family is only placed on instances that say this family of themselves.
        """
        return (*self.member_of, *sorted(platform_constraints(dict(self.platform))))
