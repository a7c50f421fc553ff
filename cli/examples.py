"""An example of each command, which its help ends with. `tests/cli/test_examples.py` runs each."""

from __future__ import annotations

from collections.abc import Mapping

SAMPLES = "docs/sample-traces"
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "simulate": (
        "steady simulate --hours 2 --policy steady --policy escalator",
        f"steady simulate --jobs {SAMPLES}/jobs.csv --set max_capacity=20",
        "steady simulate --hours 1 --pool a=m5.xlarge:spot --pool b=r5.xlarge:spot",
    ),
    "demo": ("steady demo --hours 2 --out demo", "steady demo --hours 2 --out demo --picture pictures"),
    "tune": (f"steady tune --jobs {SAMPLES}/jobs.csv --hours 2 --wait 30",),
    "record": ("steady record web --hours 48 --out traces",),
    "drain": (
        "steady drain i-0123456789abcdef0 --deadline 600",
        "steady drain --cancel i-0123456789abcdef0",
        "steady drain --cluster web --all",
    ),
    "run": ("steady run report --cluster batch --count 4 --wait",),
    "renew": ("steady renew web --dry-run", "steady renew web"),
    "clusters": ("steady clusters", "steady clusters --region eu-west-1 --json -"),
    "explain": ("steady explain web", "steady explain web --json -"),
    "watch": ("steady watch web", "steady watch web --once --since 360"),
    "doctor": ("steady doctor web --region eu-west-1",),
    "report": (
        "steady report web --day 2026-01-31 --price m5.large=0.096,0.035",
        "steady report --simulation demo/result.json --by service",
        "steady report web --by service --price m5.large=0.096,0.035",
    ),
    "logs": ("steady logs api app --since 2h --like ERROR",),
    "rightsize": ("steady rightsize web --days 14 --room 0.5",),
    "cost": ("steady cost", "steady cost --env example --json -"),
    "image": ("steady image web --newest", "steady image web --back"),
    "template": ("steady template --out templates",),
    "prepare": ("steady prepare --profile prod",),
    "upgrade": ("steady upgrade --dry-run",),
    "adopt": ("steady adopt web",),
    "config show": ("steady config show web",),
    "config set": (
        "steady config set web cpu_reservation_high=75 drift_seconds=10",
        "steady config set --defaults start_at_once_share=95",
        "steady config set web spot/max_capacity=50 spot/priority=10",
    ),
    "config check": ("steady config check", "steady config check web batch"),
    "config history": ("steady config history web cpu_reservation_high",),
    "config reset": ("steady config reset web cpu_reservation_high",),
    "bench interruption": (
        "steady bench interruption --instances 10 --peers",
        "steady bench interruption --instances 10 --services rolling --at-once 1",
    ),
    "bench autoscaler": ("steady bench autoscaler --instances 50 --services 20 --tasks 500",),
    "bench placement": ("steady bench placement --cases 20 --search 1",),
    "bench pools": ("steady bench pools --cases 20 --search 1 --hours 1",),
    "bench limits": ("steady bench limits --traces traces --page docs/benchmarks.md",),
    "bench growth": ("steady bench growth --page docs/benchmarks.md",),
    "bench sizes": ("steady bench sizes --page docs/benchmarks.md",),
    "bench policies": ("steady bench policies --traces traces --hours 6 --seeds 1",),
    "bench clairvoyant": ("steady bench clairvoyant --traces traces --hours 24 --wait 90",),
    "bench launch": ("steady bench launch --launches 100 --no-peers --no-hard --json -",),
    "bench published": ("steady bench published --json -",),
    "bench renewal": ("steady bench renewal --instances 20",),
    "bench karpenter": ("steady bench karpenter --json -",),
    "bench sensitivity": ("steady bench sensitivity --hours 1 --instances 5",),
    "bench chaos": ("steady bench chaos --every 200 --days 0",),
    "bench cold": ("steady bench cold --runs 3",),
}


def epilog(command: str) -> str:
    """Return the end of the help of `command`: its examples, one a line."""
    shown = EXAMPLES[command]
    return "\n\n".join(["Example:" if len(shown) == 1 else "Examples:", *shown])
