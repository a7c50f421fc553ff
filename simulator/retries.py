"""The retries of the SDK: botocore's own standard mode decides, because `before-call` answers come before it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.retries import standard
from botocore.retries.quota import RetryQuota

from simulator.errors import AwsError
from simulator.faults import TimedOut

# Two of botocore's StandardRetryConditions. The others need the model of the call, or the status 429.
_RETRIED = standard.OrRetryChecker([standard.TransientRetryableChecker(), standard.ThrottledRetryableChecker()])


@dataclass(frozen=True, slots=True)
class _Response:
    status_code: int
    headers: dict[str, str] = field(default_factory=dict)


class Retries:
    """The retries of all clients of one account.

    Args:
        rng: the source of the back-off's jitter.
        quota: whether each client has botocore's retry quota, and its short back-off after errors that are not
            throttling. False: retries have no quota, and each back-off is as long as that after throttling.
    """

    def __init__(self, rng: random.Random, *, quota: bool) -> None:
        self._rng = rng
        self._has_quota = quota
        self._throttling = standard.ThrottlingErrorDetector(standard.RetryEventAdapter())
        self._quotas: WeakKeyDictionary[Config, tuple[RetryQuota, Any]] = WeakKeyDictionary()
        self._backoffs: dict[str, Any] = {}
        # Callers without a configuration share one client.
        self._default_config = Config()

    def delay_s(
        self, config: Config | None, service: str, attempt: int, error: AwsError | TimedOut, used: dict[str, Any]
    ) -> float | None:
        """Return the seconds after which the client tries again; None: it gives up.

        Args:
            config: the client's configuration: one client has one.
            attempt: the number of the try that failed, from 1.
            used: what this call has taken from the quota. `succeeded` gives it back.
        """
        most = (getattr(config, "retries", None) or {}).get("total_max_attempts", 3)
        context = _context(attempt, error, used)
        if attempt >= most or not _RETRIED.is_retryable(context):
            return None
        if not self._has_quota:
            # botocore, retries/standard.py: exponential back-off with full jitter, at most 20 s.
            return self._rng.random() * float(min(20.0, 2.0 ** (attempt - 1)))
        if not self._checker(config).acquire_retry_quota(context):
            return None
        return float(self._backoff(service).delay_amount(context))

    def succeeded(self, config: Config | None, used: dict[str, Any]) -> None:
        """Give back to the client's quota what the call has used, or one token if it was not retried."""
        if self._has_quota:
            self._checker(config).release_retry_quota(used, _Response(200))

    def quota_left(self, config: Config | None) -> int:
        """Return how many tokens the client's quota has."""
        return int(self._quota(config)[0].available_capacity)

    def _checker(self, config: Config | None) -> Any:
        return self._quota(config)[1]

    def _quota(self, config: Config | None) -> tuple[RetryQuota, Any]:
        key = config or self._default_config
        if key not in self._quotas:
            quota = RetryQuota()
            self._quotas[key] = quota, standard.RetryQuotaChecker(quota, self._throttling)
        return self._quotas[key]

    def _backoff(self, service: str) -> Any:
        if service not in self._backoffs:
            self._backoffs[service] = standard.ExponentialBackoff(
                random=self._rng.random, service_name=service, throttling_detector=self._throttling
            )
        return self._backoffs[service]


def _context(attempt: int, error: AwsError | TimedOut, used: dict[str, Any]) -> Any:
    if isinstance(error, AwsError):
        parsed, response, caught = {"Error": {"Code": error.code}}, _Response(error.status), None
    else:
        kind = ReadTimeoutError if error.connected else ConnectTimeoutError
        parsed, response, caught = None, None, kind(endpoint_url="")
    return standard.RetryContext(
        attempt_number=attempt,
        parsed_response=parsed,
        http_response=response,
        caught_exception=caught,
        request_context=used,
    )
