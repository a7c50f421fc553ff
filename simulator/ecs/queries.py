"""The cluster query language of ECS, by which container instances are listed and tasks are placed (memberOf)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator.ecs.devices import platform_of
from simulator.ecs.state import ContainerInstance
from simulator.ecs.task_definition import TaskDefinition
from simulator.errors import AwsError, NotSimulated

# ECS Developer Guide, "Cluster query language": each operator may be written as a word, too.
_WORDS: Mapping[str, str] = {
    "equals": "==",
    "not_equals": "!=",
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
    "not_exists": "!exists",
    "not_in": "!in",
    "matches": "=~",
    "not_matches": "!~",
}
_TERM = re.compile(
    r"""(?P<subject>[\w:.-]+)\s*(?P<how>==|!=|>=|<=|=~|!~|>|<|!in\b|in\b|!exists\b|exists\b|"""
    rf"""(?:{"|".join(_WORDS)})\b)\s*"""
    r"""(?P<argument>\[[^\]]*\]|"[^"]*"|(?!and\b|or\b)[^\s()\[\]]+)?"""
)
# ECS Developer Guide, "Cluster query language": subjects that nothing here knows.
UNREAD = frozenset({"agentVersion", "registeredAt"})
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def meets(instance: ContainerInstance, definition: TaskDefinition, *, binds_platform: bool) -> bool:
    """Return whether `instance` satisfies the placement constraints of `definition`, and its platform if that binds."""
    expressions = definition.constraints if binds_platform else definition.member_of
    return all(satisfies(instance, expression) for expression in expressions)


def satisfies(instance: ContainerInstance, expression: str) -> bool:
    """Return whether `instance` satisfies `expression`.

    Raises:
        AwsError: if the expression is not of the language (ECS Developer Guide, "Cluster query language").
    """
    words = re.sub(r"&&", " and ", re.sub(r"\|\|", " or ", expression))
    terms = [_holds(instance, found) for found in _TERM.finditer(words)]
    shape = re.sub(r"!\s*(?=[(#!])", " not ", _TERM.sub(" # ", words))
    if not terms or re.sub(r"[()#]|\b(?:and|or|not)\b", "", shape).strip():
        raise AwsError("InvalidParameterException", f"Invalid filter: {expression}")
    values = iter(terms)
    return bool(eval(re.sub("#", lambda _: str(next(values)), shape), {"__builtins__": {}}))  # noqa: S307


def _holds(instance: ContainerInstance, term: re.Match[str]) -> bool:
    subject, how, argument = term["subject"], _WORDS.get(term["how"], term["how"]), (term["argument"] or "").strip('"')
    if not argument and how not in ("exists", "!exists"):
        raise AwsError("InvalidParameterException", f"Invalid filter: {term.group()}")
    if subject in UNREAD:
        raise NotSimulated(f"the cluster query language with {subject}")
    if subject == "runningTasksCount":
        if how not in _COMPARED or not argument.isdecimal():
            raise AwsError("InvalidParameterException", f"Invalid filter: {term.group()}")
        count = sum(not t.stopping for t in instance.tasks.values())
        return bool(_COMPARED[how](count, int(argument)))
    if how in (">", ">=", "<", "<="):
        raise NotSimulated(f"the cluster query language with {term.group()}")
    values = _values(instance, subject)
    negative = how.startswith("!")
    if how in ("exists", "!exists"):
        return bool(values) is not negative
    wanted = [one.strip() for one in argument.strip("[]").split(",")]
    if how in ("=~", "!~"):
        found = any(re.fullmatch(argument, value) for value in values)
    else:
        found = any(value in wanted for value in values)
    return found is not negative


def _values(instance: ContainerInstance, subject: str) -> list[str]:
    if subject == "task:group":
        return [t.group for t in instance.tasks.values() if not t.stopping]
    if subject == "ec2InstanceId":
        return [instance.ec2_id]
    if subject == "agentConnected":
        return [str(instance.agent_connected).lower()]
    own = {"ecs.instance-type": instance.instance_type, "ecs.availability-zone": instance.zone, **instance.attributes}
    if instance.instance_type and not instance.external:
        own = {**platform_of(instance.instance_type), **own}
    name = subject.removeprefix("attribute:")
    return [own[name]] if name in own else []
