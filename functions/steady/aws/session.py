"""Sessions, which make AWS clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import botocore.session

if TYPE_CHECKING:
    from botocore.config import Config


class Session(Protocol):
    """Makes AWS clients: boto3's session is one."""

    @property
    def events(self) -> Any: ...

    def client(self, service_name: Any, *, config: Config) -> Any: ...


class BotocoreSession:
    """Makes boto3's clients without boto3: the import of its transfer manager would be a third of a cold start."""

    def __init__(self) -> None:
        self._session = botocore.session.Session()

    @property
    def events(self) -> Any:
        return self._session.get_component("event_emitter")

    def client(self, service_name: Any, *, config: Config) -> Any:
        return self._session.create_client(service_name, config=config)
