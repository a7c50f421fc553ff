"""Files that come with a task definition: a shell finds them as they were packed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infra import packed_files
from infra.packed_files import container_with, packed, unpacked

FILES = {"prometheus.yml": 'region: REGION\nquoted: "it\'s ${here} $(and) there"\n', "rules/one.yml": "groups: []\n"}


def test_the_same_files_are_the_same_text_and_come_out_as_they_went_in() -> None:
    assert packed(FILES) == packed(dict(reversed(FILES.items())))
    assert unpacked(packed(FILES)) == FILES


def test_a_shell_unpacks_them_puts_the_region_and_is_the_process_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_files, "FOLDER", str(tmp_path))
    monkeypatch.setattr(
        packed_files,
        "_UNPACK",
        packed_files._UNPACK.replace("/tmp/steady", str(tmp_path)),
    )
    run = f"cat {tmp_path}/prometheus.yml {tmp_path}/rules/one.yml"
    container = container_with(FILES, run, {"AWS_REGION": "eu-west-1"}, region_in="prometheus.yml")

    done = subprocess.run(
        [*container["entry_point"], *container["command"]],
        env={"PATH": "/usr/bin:/bin", **container["environment"]},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == FILES["prometheus.yml"].replace("REGION", "eu-west-1") + FILES["rules/one.yml"]
