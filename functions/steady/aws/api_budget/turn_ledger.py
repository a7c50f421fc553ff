"""The turns of ECS calls in one item of the ledger, which all functions write to.

While the ledger does not answer, a process goes on with the turns that it knows of, and adds its own to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steady.api_budget.limits import BUCKET_NAMED
from steady.api_budget.turns import Change, Turns
from steady.aws.cache import Cache
from steady.names import API_BUDGET_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UniversalAttributeValueTypeDef

    from steady.aws.runtime import Runtime

# How often a write is tried when others wrote first. After that the process uses the turns that it knows of.
TRIES = 5
# A ledger that did not answer is not asked again for this many seconds.
SILENT_S = 60.0


@dataclass(slots=True)
class TurnLedger:
    """The turns as this process knows them, and the `table` of the ledger that holds them for all processes."""

    runtime: Runtime
    table: str
    turns: Turns = field(default_factory=Turns)
    _silent_until: float = 0.0

    def write(self, changes: Sequence[Change]) -> Mapping[str, float] | None:
        """Apply `changes` in the ledger, in one write, or in this process alone while the ledger does not answer.

        Returns:
            Each changed bucket's turn after it (seconds since the epoch), by the bucket's name. None if the ledger's
            turns are not those that the changes are for: nothing was written then, and `turns` are the ledger's.
        """
        if not changes:
            return {}
        if self.runtime.now() >= self._silent_until:
            try:
                written = _update(self.runtime, self.table, changes)
            except self.runtime.dynamodb_once.exceptions.ConditionalCheckFailedException as error:
                self.turns = self.turns.with_(_turns_of(error.response.get("Item", {})))  # type: ignore[arg-type]
                return None
            except Exception as error:
                self.runtime.telemetry.warning(
                    f"ledger unavailable: for {SILENT_S:.0f} s this process keeps to the share of the ECS API without "
                    f"what the other functions call: {error}"
                )
                self._silent_until = self.runtime.now() + SILENT_S
            else:
                self.turns = self.turns.with_(written)
                return written
        alone = {change.bucket: change.of(self.turns.until.get(change.bucket, 0.0)) for change in changes}
        self.turns = self.turns.with_(alone)
        return alone

    def charge(self, calls: Mapping[str, int]) -> None:
        """Write down `calls`, by bucket, that were made without asking for their turns."""
        for _ in range(TRIES):
            now = self.runtime.now()
            changes = [self.turns.charging(BUCKET_NAMED[name], count, now) for name, count in calls.items()]
            if self.write([change for change in changes if change]) is not None:
                return


# By the ledger's table.
CHARGED = Cache[str, TurnLedger]()


def charge(runtime: Runtime, table: str, calls: Mapping[str, int]) -> None:
    """Write into the ledger how many calls service-out has made, by bucket; it asks for no turns itself."""
    if calls:
        ledger = CHARGED.get(runtime, table) or CHARGED.keep(runtime, table, TurnLedger(runtime, table))
        ledger.charge(calls)


def _update(runtime: Runtime, table: str, changes: Sequence[Change]) -> Mapping[str, float]:
    """Change the ledger's item in one write, if all turns are such as the changes are for; return them after it."""
    sets, conditions, names, values = [], [], {}, {}
    for number, change in enumerate(changes):
        name = f"#b{number}"
        names[name] = change.bucket
        sets.append(f"{name} = {name} + :n{number}" if change.to is None else f"{name} = :n{number}")
        values[f":n{number}"] = _number(change.plus if change.to is None else change.to)
        if change.lowest is not None:
            conditions.append(f"{name} >= :l{number}")
            values[f":l{number}"] = _number(change.lowest)
        if change.below is not None:
            below = f"{name} < :h{number}"
            conditions.append(below if change.lowest is not None else f"(attribute_not_exists({name}) OR {below})")
            values[f":h{number}"] = _number(change.below)
    answer = runtime.dynamodb_once.update_item(
        TableName=table,
        Key={"cluster": {"S": API_BUDGET_KEY}},
        UpdateExpression=f"SET {', '.join(sets)}",
        ConditionExpression=" AND ".join(conditions),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
        ReturnValues="UPDATED_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    return _turns_of(answer["Attributes"])


def _number(seconds: float) -> UniversalAttributeValueTypeDef:
    return {"N": f"{seconds:.5f}"}


def _turns_of(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, float]:
    return {name: float(value["N"]) for name, value in item.items() if "N" in value}
