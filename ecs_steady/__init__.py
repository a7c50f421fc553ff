"""What `pipx install` installs: one package, with the project's packages (`cli`, `steady`, ...) inside it.

They are imported by their own names, as in a checkout and in the functions' asset; so they would be found anywhere on
the path, and two projects can have a package `cli`. Here, their folder comes first.
"""

from __future__ import annotations

import sys
from pathlib import Path

INSTALLED = Path(__file__).parent


def run() -> None:
    """Run the command `steady`."""
    if (INSTALLED / "cli").is_dir():
        sys.path.insert(0, str(INSTALLED))
    from cli.main import run as run_command

    run_command()
