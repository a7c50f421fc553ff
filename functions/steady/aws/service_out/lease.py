"""One chain of steps for each cluster, whatever the number of SQS pollers: a lease in the ledger.

The step that has the lease does the work. Every other invocation hands its instances over, in the ledger's item, and
ends. The continuation of a step carries the token of its lease, so that the chain goes on. Between two steps the chain
rests: a notice that cannot wait for its next step takes the lease, and the chain's own continuation, when it comes,
finds the lease taken and hands its instances over. A step renews its lease while it works, so that one that crashed
leaves it to the first message after `LASTS_S`: where a stop cannot wait for SQS, that is the continuation's spare copy.
While the ledger does not answer, every invocation does its own work: it is the same work, and takes more calls.

The item is {cluster: "#service-out/web", turn: token, begun_by: the message that began the turn, expires: epoch,
rests_until: when the next step comes (0: a step runs), mail: set of doomed instances}.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steady.aws.runtime import Result, Runtime, batches
from steady.names import LEASE_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# Seconds after which a lease ends that its step has not renewed, and how often a step renews it.
LASTS_S, RENEWED_EACH_S = 4.0, 1.5
# How often a step that renews asks whether its work is done, in seconds.
ASKED_EACH_S = 0.1
# A step that must ask again for its lease does it after this many seconds.
ASK_AGAIN_S, SPARE_AGAIN_S = 6, 2
# A chain that rests is left its lease if its next step comes within this many seconds, and for so many seconds longer.
SOON_S = 2.0
LATE_S = 6.0
# How often the lease is asked for when it changes hands meanwhile.
TRIES = 3
# DynamoDB: an item holds 400 KB; an instance takes about 150 bytes of it.
HANDED_OVER_AT_ONCE = 100
# DynamoDB: an IN takes 100 values. More continuations of one cluster are never in one batch but by mistake.
MOST_TOKENS = 50
NO_VALUES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The work was handed over to the step that has the lease."""


@dataclass(frozen=True, slots=True)
class Later:
    """The step asks again later, with the same `token`."""

    token: str


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease on a cluster's service-out.

    Attributes:
        token: what the continuation of this step carries.
        mail: what other invocations have handed over.
        earlier: the tokens of the steps before, if the ledger did not say whether it took this one: the continuation
            carries them, too, since the ledger may still have one of them.
        is_certain: whether the ledger has said that it is ours.
    """

    token: str = ""
    mail: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    is_certain: bool = True

    @property
    def tokens(self) -> str:
        """All its tokens, as a continuation carries them."""
        return " ".join((self.token, *self.earlier))


def take(
    runtime: Runtime,
    table: str,
    cluster: str,
    tokens: Collection[str],
    copies: Collection[str],
    mail: Collection[str],
    waits_s: float = SOON_S,
) -> Lease | HandedOver | Later:
    """Take the lease on the service-out of `cluster`, or hand `mail` over to the step that has it.

    Args:
        tokens: the leases with which this invocation's continuations go on.
        copies: of each of its messages, a text that is the same for every copy of the message.
        mail: what this invocation knows about doomed instances, as texts.
        waits_s: how long its work can wait for the next step of a chain that rests.
    """
    token = uuid.uuid4().hex
    begun_by = min(tokens, default="") or min(copies, default="")
    try:
        for _ in range(TRIES):
            held = _take(runtime, table, cluster, token, begun_by, sorted(tokens)[:MOST_TOKENS], waits_s)
            if isinstance(held, Lease):
                return held
            if held in tokens or held in copies:
                # This work was begun already: by a copy of its message, or by a step that crashed.
                return Later(held)
            if _hand_over(runtime, table, cluster, mail):
                return HandedOver()
    # Any exception, here and below: service-out needs no ledger, whatever is wrong with it.
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: ledger unavailable: this step goes on without knowing of others: {error!r}",
            cluster=cluster,
        )
        # A call without an answer may have had its effect, or not.
        return Lease(token, earlier=tuple(sorted(tokens)[: MOST_TOKENS - 1]), is_certain=False)
    return Later(begun_by)


def give_back(runtime: Runtime, table: str, cluster: str, lease: Lease) -> None:
    """Let `lease` end whose step has failed: what began it, and what was handed over, is the next step's."""
    _update(runtime, table, cluster, Lease(lease.token), "SET expires = :ended", {":ended": {"N": "0"}})


def end(runtime: Runtime, table: str, cluster: str, lease: Lease) -> tuple[str, ...] | None:
    """End the chain of `lease`, and return what was handed over since it was taken; None: the ledger does not say."""
    values: dict[str, AttributeValueTypeDef] = {":ended": {"N": "0"}, ":nothing": {"S": "-"}}
    return _update(runtime, table, cluster, lease, "SET expires = :ended, begun_by = :nothing", values)


def renew(runtime: Runtime, table: str, cluster: str, lease: Lease) -> Lease:
    """Let `lease` last from now on, and return it with all that was handed over and is not forgotten yet."""
    values: dict[str, AttributeValueTypeDef] = {":expires": {"N": f"{runtime.now() + LASTS_S:.3f}"}}
    mail = _update(runtime, table, cluster, replace(lease, mail=()), "SET expires = :expires", values)
    return replace(lease, mail=tuple(sorted({*lease.mail, *(mail or ())})))


def while_held(runtime: Runtime, table: str, cluster: str, lease: Lease, work: Callable[[], Result]) -> Result:
    """Do `work`, and renew `lease` for as long as it takes. The caller has made the clients that `work` shares."""

    def renew_it(goes_on: Callable[[], bool]) -> None:
        renewed_at = runtime.now()
        while goes_on():
            if runtime.now() - renewed_at >= RENEWED_EACH_S:
                renewed_at = runtime.now()
                renew(runtime, table, cluster, lease)
            runtime.sleep(ASKED_EACH_S)

    _ = runtime.dynamodb_once
    return runtime.work_beside(work, renew_it)[0]


def rest(runtime: Runtime, table: str, cluster: str, lease: Lease, next_in_s: float) -> tuple[str, ...]:
    """Let the chain of `lease` rest until its next step, and return what was handed over since it was taken."""
    next_at = runtime.now() + next_in_s
    values: dict[str, AttributeValueTypeDef] = {
        ":next": {"N": f"{next_at:.3f}"},
        ":expires": {"N": f"{next_at + LATE_S:.3f}"},
    }
    # If the ledger does not say, the next step sees it.
    return _update(runtime, table, cluster, lease, "SET rests_until = :next, expires = :expires", values) or ()


def take_over(runtime: Runtime, table: str, cluster: str, begun_by: str) -> Lease | Later | None:
    """Take the lease of the step that a continuation with the token `begun_by` has begun, if that step crashed.

    Returns:
        The lease; or `Later` while the step may still work; or None if the chain has gone on, or that is not known.
    """
    crashed = "begun_by = :begun_by AND rests_until = :runs AND expires < :now"
    try:
        held = _set_turn(runtime, table, cluster, uuid.uuid4().hex, begun_by, f"turn = :begun_by OR ({crashed})", {})
    except Exception as error:
        runtime.telemetry.warning(f"cluster {cluster}: whether its last step crashed is not known: {error!r}")
        return None
    if isinstance(held, Lease):
        return held
    works = held.get("begun_by", {}).get("S") == begun_by and held.get("rests_until", {}).get("N") == "0"
    return Later(begun_by) if works else None


def _take(
    runtime: Runtime, table: str, cluster: str, token: str, begun_by: str, tokens: Sequence[str], waits_s: float
) -> Lease | str:
    """Take the lease as `token`; return the text that began the turn of another step if that one has it."""
    given: dict[str, AttributeValueTypeDef] = {f":t{number}": {"S": one} for number, one in enumerate(tokens)}
    ours = f" OR turn IN ({', '.join(given)})" if given else ""
    is_free = f"attribute_not_exists(expires) OR expires < :now OR rests_until > :soon{ours}"
    given[":soon"] = {"N": f"{runtime.now() + waits_s:.3f}"}
    held = _set_turn(runtime, table, cluster, token, begun_by, is_free, given)
    return held if isinstance(held, Lease) else str(held.get("begun_by", {}).get("S", ""))


def _set_turn(
    runtime: Runtime,
    table: str,
    cluster: str,
    token: str,
    begun_by: str,
    is_free: str,
    values: Mapping[str, AttributeValueTypeDef],
) -> Lease | Mapping[str, Any]:
    """Take the lease as `token` if the condition `is_free` holds; return the item as it is if it does not."""
    now, client = runtime.now(), runtime.dynamodb_once
    try:
        item = client.update_item(
            TableName=table,
            Key=_key(cluster),
            UpdateExpression="SET begun_by = :begun_by, turn = :turn, expires = :expires, rests_until = :runs",
            ConditionExpression=is_free,
            ExpressionAttributeValues={
                **values,
                ":begun_by": {"S": begun_by},
                ":turn": {"S": token},
                ":expires": {"N": f"{now + LASTS_S:.3f}"},
                ":now": {"N": f"{now:.3f}"},
                ":runs": {"N": "0"},
            },
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )["Attributes"]
    except client.exceptions.ConditionalCheckFailedException as error:
        held: Any = error.response.get("Item", {})
        return dict(held)
    return Lease(token, _mail_of(item))


def _hand_over(runtime: Runtime, table: str, cluster: str, mail: Collection[str]) -> bool:
    """Hand `mail` over; return whether there is still a step that has the lease."""
    client = runtime.dynamodb_once
    for some in batches(sorted(mail), HANDED_OVER_AT_ONCE):
        try:
            client.update_item(
                TableName=table,
                Key=_key(cluster),
                UpdateExpression="ADD mail :mail",
                ConditionExpression="expires >= :now",
                ExpressionAttributeValues={":mail": {"SS": list(some)}, ":now": {"N": f"{runtime.now():.3f}"}},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
    return True


def _update(
    runtime: Runtime,
    table: str,
    cluster: str,
    lease: Lease,
    change: str = "",
    values: Mapping[str, AttributeValueTypeDef] = NO_VALUES,
) -> tuple[str, ...] | None:
    """Remove the mail of `lease` from the item, with the `change`; return the mail that is left, None if unknown."""
    mail: dict[str, AttributeValueTypeDef] = {":mail": {"SS": list(lease.mail)}} if lease.mail else {}
    # If the ledger did not say that it took this turn, it may still have one of the turns before.
    ours: dict[str, AttributeValueTypeDef] = {
        f":ours{number}": {"S": token} for number, token in enumerate((lease.token, *lease.earlier))
    }
    client = runtime.dynamodb_once
    try:
        item = client.update_item(
            TableName=table,
            Key=_key(cluster),
            UpdateExpression=f"{change} DELETE mail :mail".strip() if mail else change,
            ConditionExpression=f"turn IN ({', '.join(ours)})",
            ExpressionAttributeValues={**values, **mail, **ours},
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except client.exceptions.ConditionalCheckFailedException:
        # It had ended, and another step has it now, with the mail.
        return ()
    except Exception as error:
        runtime.telemetry.warning(f"cluster {cluster}: the lease ends by itself: {error!r}", cluster=cluster)
        return None
    return _mail_of(item)


def _key(cluster: str) -> dict[str, AttributeValueTypeDef]:
    # No cluster's name begins like this: the clusters' own items are in the same table.
    return {"cluster": {"S": f"{LEASE_KEY}{cluster}"}}


def _mail_of(item: Mapping[str, AttributeValueTypeDef]) -> tuple[str, ...]:
    return tuple(sorted(item.get("mail", {}).get("SS", [])))
