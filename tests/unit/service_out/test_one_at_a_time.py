"""Whose turn it is, where the tasks of a service leave one instance at a time."""

from __future__ import annotations

from dataclasses import replace

from steady.service_out.doomed import Doomed, DoomedTask, Target, TaskKind
from steady.service_out.one_at_a_time import next_turns


def test_tasks_that_leave_one_at_a_time_wait_for_each_other_and_for_room() -> None:
    targets = frozenset({Target("group", "i-1", 32768)})
    stuck = DoomedTask("task", "arn-1", TaskKind.SERVICE, 30, targets, service="task", replaced_first=False)
    patient = Doomed("i-1", "web", 7200.0, "arn-1")
    first = replace(patient, looked_at=True, held=("task",))
    second = replace(patient, instance_id="i-2", noticed_at=1.0)
    here = {"i-1": [stuck], "i-2": [stuck]}

    assert next_turns([second, first], here, now=100.0) == {}
    assert next_turns([second, first], here, now=300.0) == {"task": "i-1"}
    assert next_turns([second, replace(first, held=())], here, now=300.0) == {}
    assert next_turns([second, first], {"i-2": [stuck]}, now=300.0) == {"task": "i-2"}
