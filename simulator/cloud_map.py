"""AWS Cloud Map: the services in which ECS registers tasks, and DNS clients that keep an address until its TTL is over.

A service's registrations are the targets of a group whose requests go on for its TTL after the deregistration.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID, Params
from simulator.errors import AwsError
from simulator.load_balancing import LoadBalancing
from simulator.target_groups import TargetGroup

# Seconds for which a client keeps a DNS answer. AWS CDK registers the tasks of its services with 60.
TTL_S = 60.0


@dataclass(eq=False, slots=True)
class Registry(TargetGroup):
    """A service of Cloud Map. The id of a registration is the id of its task.

    ECS deregisters a task when it stops it, and does not wait for the TTL (containers-roadmap #343 and #1639).
    """

    ttl_s: float = TTL_S

    @property
    def arn(self) -> str:
        return f"arn:aws:servicediscovery:{REGION}:{ACCOUNT_ID}:service/{self.service_id}"

    @property
    def service_id(self) -> str:
        # Cloud Map API: `srv-` and 16 letters or digits.
        return f"srv-{int.from_bytes(self.name.encode(), 'big') % 36**10:016d}"

    @property
    def sends_on_s(self) -> float:
        return self.ttl_s

    @property
    def is_by_task(self) -> bool:
        return True

    @property
    def is_waited_for(self) -> bool:
        return False


class CloudMap:
    """The calls of Cloud Map. Its services are groups of `balancing`."""

    def __init__(self, balancing: LoadBalancing) -> None:
        self._balancing = balancing

    def deregister_instance(self, params: Params) -> dict[str, object]:
        groups = (g for g in self._balancing.groups.values() if isinstance(g, Registry))
        registry = next((g for g in groups if g.service_id == params["ServiceId"]), None)
        if registry is None:
            raise AwsError("ServiceNotFound", f"Service not found: {params['ServiceId']}", 404)
        found = [target for target in registry.targets.values() if target.id == params["InstanceId"]]
        if not found or found[0].deregistered_at is not None:
            raise AwsError("InstanceNotFound", f"Instance not found: {params['InstanceId']}", 404)
        self._balancing.deregister(found[0])
        return {"OperationId": f"operation-{params['InstanceId']}"}
