"""Configuration files that a container unpacks from its environment when it starts.

They are part of the task definition. So no image has to be built, and a change of a file is a new revision.
"""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from collections.abc import Mapping
from typing import Any

# The folder in the container into which the files are unpacked.
FOLDER = "/tmp/steady"  # noqa: S108 - of a container, which nobody else is in
VARIABLE = "STEADY_FILES"
_UNPACK = f'mkdir -p {FOLDER} && printf %s "${VARIABLE}" | base64 -d | tar -xz -C {FOLDER}'


def container_with(
    files: Mapping[str, str], run: str, environment: Mapping[str, str], *, region_in: str = ""
) -> dict[str, Any]:
    """Return the properties of a container that unpacks `files` and then runs the command `run` as its only process.

    Args:
        files: texts by their places under `FOLDER`.
        region_in: the file in which REGION becomes the environment's AWS_REGION.
    """
    region = f' && sed -i "s/REGION/$AWS_REGION/" {FOLDER}/{region_in}' if region_in else ""
    return {
        "entry_point": ["sh", "-c"],
        # `exec`: the process, not a shell, gets the signal to stop.
        "command": [f"{_UNPACK}{region} && exec {run}"],
        "environment": {**environment, VARIABLE: packed(files)},
    }


def packed(files: Mapping[str, str]) -> str:
    """Return `files` as one text. Equal files make equal texts."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return base64.b64encode(gzip.compress(archive.getvalue(), mtime=0)).decode()


def unpacked(text: str) -> dict[str, str]:
    """Return the files of a text that `packed` has made."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(base64.b64decode(text)))) as tar:
        return {entry.name: file.read().decode() for entry in tar if (file := tar.extractfile(entry))}
