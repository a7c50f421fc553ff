"""How long the containers of a task may take to stop."""

from __future__ import annotations

from simulator.ecs.state import Otherwise, Task

# The stop timeout of the container that the agent adds for Service Connect: the agent's default.
SERVICE_CONNECT_STOP_S = 30


def stop_timeouts(task: Task) -> list[float]:
    """Return the stop timeouts of the task's containers that end one by one, in seconds.

    Each takes its stop timeout at most, by SIGKILL; those that need each other end one by one (amazon-ecs-agent, PR
    1866). The agent itself lets a FireLens log router (`addFirelensContainerDependency`) and the Service Connect
    container (PR 3200) end after all others.
    """
    definition, service = task.definition, task.cluster.services.get(task.service_name)
    chain: list[float] = [definition.stop_timeout_s, *definition.chain]
    if definition.log_router_s is not None:
        chain.append(definition.log_router_s)
    if service and service.otherwise is Otherwise.SERVICE_CONNECT:
        chain.append(SERVICE_CONNECT_STOP_S)
    return chain
