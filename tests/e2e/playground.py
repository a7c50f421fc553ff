"""`make emulators`: the suite, deployed on local emulators that stay up, and what to try on them.

make emulators                                       # in one terminal; Ctrl-C ends it
. build/emulators/env && steady clusters             # in another one
python -m tests.e2e.playground reclaim INSTANCE_ID   # as Spot would
"""

from __future__ import annotations

import shlex
import time

import typer

from tests.e2e import deployment, seed
from tests.e2e.acts import put_event
from tests.e2e.emulators import ROOT, Emulators, from_environment, started

WHERE = ROOT / "build" / "emulators"
TRY = """
The suite is deployed on local emulators. The clusters web, batch and stream have instances; old is adopted, and there
are its parameters alone. In another terminal, here:

  . build/emulators/env                  the emulators instead of AWS, and .venv/bin in the path
  steady clusters                        which clusters there are
  steady explain batch                   what would be decided about one, and why
  steady watch batch                     the same, live
  steady config set batch min_capacity=3
  python -m tests.e2e.playground reclaim {instance}
                                         Spot takes an instance of batch back: watch it drain

The emulators lack some of AWS: docs/fidelity.md. Ctrl-C here ends them.
"""

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def up() -> None:
    """Start the emulators, deploy the suite to them, and keep them up until Ctrl-C."""
    WHERE.mkdir(parents=True, exist_ok=True)
    typer.echo("The emulators start, and the CDK deploys the suite to them: a minute or two.", err=True)
    with started(WHERE) as emulators:
        seed.on_demand_cluster(emulators, "web", instances=1)
        batch = seed.spot_cluster(emulators, "batch")
        seed.spot_group_cluster(emulators, "stream")
        deployment.deploy(emulators, batch.fleet_id)
        _write_environment(emulators)
        typer.echo(TRY.format(instance=batch.instance_id))
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            typer.echo("The emulators end.", err=True)


@app.command()
def reclaim(instance_id: str) -> None:
    """Send the notice with which Spot takes an instance back."""
    put_event(
        from_environment(),
        "EC2 Spot Instance Interruption Warning",
        "aws.ec2",
        {"instance-id": instance_id, "instance-action": "terminate"},
    )
    typer.echo(f"{instance_id} has two minutes")


def _write_environment(emulators: Emulators) -> None:
    values = {**{k: v for k, v in emulators.env.items() if k.startswith("AWS_")}, **emulators.beside}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(values.items())]
    path = f'export PATH="{ROOT / ".venv" / "bin"}:$PATH"'
    (WHERE / "env").write_text("\n".join([*lines, "unset AWS_PROFILE", path]) + "\n")


if __name__ == "__main__":
    app()
