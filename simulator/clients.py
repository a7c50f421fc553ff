"""Real botocore clients whose calls the simulated account answers.

A simulated day has thousands of execution environments, and each makes its own clients. botocore takes some 10 ms for
one: it builds its class, its configuration and its TLS context. So the first client of a service with a configuration
is made by botocore, and the others of the process are made like it, each with its own events and configuration.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

import botocore.loaders
import botocore.session
from botocore import handlers, xform_name
from botocore.client import BaseClient, ClientMeta
from botocore.config import Config
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.paginate import Paginator

from simulator.errors import NotSimulated

REGION = "us-east-1"

# The services that the simulated account answers, as botocore's events name them.
SERVICE_IDS = frozenset(
    {
        "ecs",
        "elastic-load-balancing-v2",
        "servicediscovery",
        "ec2",
        "auto-scaling",
        "ssm",
        "dynamodb",
        "sqs",
        "sns",
        "events",
    }
)

# Given the members of an event, by their names.
Handler = Callable[..., Any]


class ClientSession:
    """Makes clients (`steady.aws.runtime.Session`). As in botocore, a client has the handlers of its session so far.

    Args:
        actions: the calls that the account answers, such as `ecs:StopTask`: a client has a method for each.
        registered: handlers of botocore's events, by the event.
    """

    def __init__(self, actions: frozenset[str], registered: Mapping[str, Handler]) -> None:
        self._actions = actions
        self.events: EventAliaser = copy.copy(_core(actions).get_component("event_emitter"))
        for event, handler in registered.items():
            self.events.register(event, handler)

    def client(self, service_name: str, *, config: Config | None = None) -> Any:
        """Return a new client of a service, such as `ecs`."""
        first = _first_client(self._actions, service_name, config)
        client = object.__new__(type(first))
        vars(client).update(vars(first))
        # Retries keep their quota by the client's configuration (`simulator.retries`).
        client.meta = ClientMeta(
            copy.copy(self.events),
            copy.copy(first.meta.config),
            first.meta.endpoint_url,
            first.meta.service_model,
            first.meta.method_to_api_mapping,
            first.meta.partition,
        )
        return client


_FIRST: dict[tuple[object, ...], Any] = {}


def _first_client(actions: frozenset[str], service_name: str, config: Config | None) -> Any:
    options = [f"{name}={value!r}" for name, value in vars(config).items()] if config else []
    key = (actions, service_name, *options)
    if key not in _FIRST:
        client = _core(actions).create_client(service_name, config=config)
        # botocore builds them when they are first used; from here on all clients have them.
        assert client.exceptions
        _FIRST[key] = client
    return _FIRST[key]


@cache
def _core(actions: frozenset[str]) -> botocore.session.Session:
    core = _Session(event_hooks=_Aliaser(HierarchicalEmitter()))
    core.register_component("data_loader", _Loader(actions))
    core.set_credentials("simulated", "simulated")
    core.set_config_variable("region", REGION)
    # A fixed user agent: to build the usual one takes a fifth of the time of a call.
    core.set_default_client_config(Config(user_agent="simulated"))
    core.register("creating-client-class", _add_paginators)
    return core


def _add_paginators(**event: Any) -> None:
    event["base_classes"].insert(0, _WithPaginators)


@cache
def _operations(service_name: str) -> frozenset[str]:
    """Return the names of all operations of a service, as botocore's clients name them."""
    model = botocore.loaders.Loader().load_service_model(service_name, "service-2")
    return frozenset(xform_name(name) for name in model["operations"])


class _WithPaginators(BaseClient):
    """A client whose paginators are without botocore's documentation, which takes a third of the time of a call.

    An operation that the account does not answer is no error that a handler could take for one of its own.
    """

    def __getattr__(self, item: str) -> Any:
        service = self.meta.service_model.service_name if "meta" in vars(self) else ""
        if service and not item.startswith("_") and item in _operations(service):
            raise NotSimulated(f"{service}: {item}: add it to simulator/account.py")
        return super().__getattr__(item)  # type: ignore[misc]

    def get_paginator(self, operation_name: str) -> Paginator[Any]:
        if operation_name not in self.meta.method_to_api_mapping:
            return getattr(self, operation_name)  # type: ignore[no-any-return]
        if not self.can_paginate(operation_name):
            return super().get_paginator(operation_name)
        name = self.meta.method_to_api_mapping[operation_name]
        pages = vars(self)["_cache"]["page_config"][name]
        return Paginator(getattr(self, operation_name), pages, self.meta.service_model.operation_model(name))


class _Session(botocore.session.Session):
    """A session without botocore's handlers of documentation, and of services that no function calls.

    Each client copies all handlers: with botocore's whole list, that takes a quarter of a simulated cold start.
    """

    def _register_builtin_handlers(self, events: Any) -> None:
        registers = {handlers.REGISTER_FIRST: events.register_first, handlers.REGISTER_LAST: events.register_last}
        for event, handler, *order in handlers.BUILTIN_HANDLERS:
            kind, _, of = event.partition(".")
            if kind != "docs" and (not of or of.partition(".")[0] in SERVICE_IDS):
                registers.get(order[0] if order else None, events.register)(event, handler)


class _Aliaser(EventAliaser):
    """Knows the other names of events from all clients of the process: one is looked for in botocore's whole list."""

    _known: Mapping[str, str] = {}

    def __init__(self, event_emitter: Any, event_aliases: Any = None) -> None:
        super().__init__(event_emitter, event_aliases)
        self._alias_name_cache = self._known


class _Loader(botocore.loaders.Loader):
    """Loads service models with those operations alone that the account answers: a client gets a method for each.

    The address of each service is fixed: to work it out takes a tenth of the time of a call, and no request is sent.
    """

    def __init__(self, actions: Collection[str]) -> None:
        super().__init__()
        self._actions = actions
        self._models: dict[str, Any] = {}

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        if type_name == "endpoint-rule-set-1":
            endpoint = {"url": f"https://{service_name}.{REGION}.amazonaws.com", "properties": {}, "headers": {}}
            rule = {"type": "endpoint", "conditions": [], "endpoint": endpoint}
            return {"version": "1.0", "parameters": {}, "rules": [rule]}
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name != "service-2":
            return model
        if service_name not in self._models:
            kept = {name: one for name, one in model["operations"].items() if f"{service_name}:{name}" in self._actions}
            self._models[service_name] = {**model, "operations": kept}
        return self._models[service_name]
