"""The kinds of service that people run: how each is deployed, and in which way its tasks get requests."""

from collections.abc import Mapping
from typing import Any

from simulator.ecs.state import Deploys, Otherwise

# The arguments of `SimulatedCluster.service` for each kind.
KINDS: Mapping[str, Mapping[str, Any]] = {
    "rolling": {},
    "blue-green": {"deploys": Deploys.BLUE_GREEN},
    "code-deploy": {"deploys": Deploys.CODE_DEPLOY},
    "external": {"deploys": Deploys.EXTERNAL},
    "host": {"host_network": True},
    "awsvpc": {"awsvpc": True},
    "nlb": {"protocol": "TCP"},
    "lattice": {"otherwise": Otherwise.LATTICE},
    "cloud-map": {"otherwise": Otherwise.CLOUD_MAP},
    "service-connect": {"otherwise": Otherwise.SERVICE_CONNECT},
    "gateway": {"otherwise": Otherwise.GATEWAY},
    "classic": {"otherwise": Otherwise.CLASSIC},
}
# Those of which every target can be deregistered, after which no request comes.
WITH_KNOWN_TARGETS = ("rolling", "blue-green", "code-deploy", "external", "host", "awsvpc")
