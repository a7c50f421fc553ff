"""`steady cost`: what the deployment that cdk.json describes costs in an idle month."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from rich.table import Table

from cli.cost.bill import Line, bill_of
from cli.deployment import CDK_JSON, EnvOption, FileOption, read_context, read_targets
from cli.output import JsonOption, show_table, write_json


def cost(env: EnvOption = None, cdk_json: FileOption = CDK_JSON, json_: JsonOption = None) -> None:
    """Show what the deployment costs in a month in which nothing happens. Needs Node, and no AWS account.

    Instances, traffic and stored data are not included. Exit code 2: cdk.json is wrong.
    """
    read_targets(cdk_json, env)
    lines = bill_of(synthesized(read_context(cdk_json, env)))
    rows = [{"what": x.what, "units": x.units, "listed": x.listed, "charged": x.charged} for x in lines]
    totals = {"listed": sum(x.listed for x in lines), "charged": sum(x.charged for x in lines)}
    write_json({"lines": rows, "usd_a_month": totals}, json_)
    if json_ == "-":
        return
    table = Table("what", "units a month", "USD at list price", "USD, less what is free", title="an idle month")
    for row in cells(lines):
        table.add_row(*row)
    show_table(table)


def synthesized(context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the templates of all stacks that `context` describes."""
    # The CDK takes a second to start, and the other commands do not need it.
    import aws_cdk as cdk

    from infra import stacks

    with tempfile.TemporaryDirectory() as folder:
        app = cdk.App(context=context, outdir=folder)
        stacks.add_to(app)
        return [json.loads(Path(stack.template_full_path).read_text()) for stack in app.synth().stacks]


def cells(lines: list[Line]) -> list[tuple[str, str, str, str]]:
    """Return the texts of a table of the bill, the last row with the sums."""
    listed, charged = (sum(getattr(line, name) for line in lines) for name in ("listed", "charged"))
    return [
        *(
            (x.what, f"{x.units:,.10g}" if x.units < 1000 else f"{x.units:,.0f}", f"{x.listed:.2f}", f"{x.charged:.2f}")
            for x in lines
        ),
        ("all", "", f"{listed:.2f}", f"{charged:.2f}"),
    ]
