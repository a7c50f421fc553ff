"""The log catalogue: which tables there should be for the prefixes that logs lie under, and what each is called.

A log object's key is `<family>/<container>/year=YYYY/month=MM/day=DD/<hour>-<worker>-<id>.json.gz`; each family and
container is one table, partitioned by day.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

# Glue: 255 characters; Athena folds names to lower case, and takes letters, digits and underscores without quotes.
LONGEST_NAME = 255
HASH_LENGTH = 8
# The first day that a log may be of, and the last year that partition projection thinks of.
FIRST_YEAR, LAST_YEAR = 2018, 2099

# What fluentd writes of a line (fluentd/), in the order of the table; fields that a line lacks are null.
COLUMNS = (
    ("time", "string"),
    ("log", "string"),
    ("source", "string"),
    ("cluster", "string"),
    ("task_arn", "string"),
    ("instance_id", "string"),
    ("container_id", "string"),
)
PARTITIONS = (("year", "int"), ("month", "int"), ("day", "int"))


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """Where the logs of one container of one task definition family lie."""

    family: str
    container: str

    @property
    def path(self) -> str:
        return f"{self.family}/{self.container}/"

    @staticmethod
    def parse(path: str) -> "Prefix":
        family, _, container = path.rstrip("/").partition("/")
        return Prefix(family, container)


@dataclass(frozen=True, slots=True)
class LogTable:
    """A table that there is, and the prefix that it was made for."""

    name: str
    prefix: Prefix
    columns: tuple[tuple[str, str], ...] = COLUMNS
    projected: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made, brought up to date, and dropped; the others are as they should be."""

    to_make: tuple[LogTable, ...] = ()
    to_update: tuple[LogTable, ...] = ()
    to_drop: tuple[LogTable, ...] = ()
    kept: tuple[LogTable, ...] = ()

    @property
    def tables(self) -> tuple[LogTable, ...]:
        """All that there are once it is done."""
        return (*self.kept, *self.to_update, *self.to_make)


def table_name(prefix: Prefix) -> str:
    """`my-awesome-app` and `app` make `my_awesome_app_app`.

    Lower case; whatever is no letter, digit or underscore becomes an underscore; a name that is too long, or that says
    nothing any more, ends in a hash of what it stood for.
    """
    name = re.sub(r"[^a-z0-9_]", "_", f"{prefix.family}_{prefix.container}".lower())
    if len(name) > LONGEST_NAME or not name.strip("_"):
        return _with_hash(name, prefix)
    return name


def plan(
    prefixes: Iterable[Prefix], tables: Sequence[LogTable], *, projected: bool = True, drop_missing: bool = False
) -> Plan:
    """What makes `tables` right for the logs under `prefixes`.

    A table keeps its name for as long as it is there. Of two prefixes that make one name, the one that has it keeps it,
    or else the first in order; the other's ends in a hash.

    Args:
        projected: whether partitions are projected, not made.
        drop_missing: whether a table without any logs is dropped; otherwise it stays.
    """
    known = {table.prefix: table for table in tables}
    taken = {table.name for table in tables}
    make, update, kept = [], [], []
    wanted = sorted(set(prefixes))
    for prefix in wanted:
        table = known.get(prefix)
        if table is None:
            name = table_name(prefix)
            name = _with_hash(name, prefix) if name in taken else name
            taken.add(name)
            make.append(LogTable(name, prefix, projected=projected))
        elif (table.columns, table.projected) != (_columns_of(table), projected):
            update.append(LogTable(table.name, prefix, _columns_of(table), projected))
        else:
            kept.append(table)
    missing = [table for table in tables if table.prefix not in set(wanted)]
    return Plan(
        tuple(make), tuple(update), tuple(missing) if drop_missing else (), (*kept, *([] if drop_missing else missing))
    )


def parameters_of(table: LogTable, bucket: str) -> dict[str, str]:
    """A Glue table's parameters: what it was made for, and how its partitions follow from the day (Athena)."""
    parameters = {"steady.prefix": table.prefix.path, "classification": "json", "EXTERNAL": "TRUE"}
    if not table.projected:
        return parameters
    by_day = "year=${year}/month=${month}/day=${day}/"
    return parameters | {
        "projection.enabled": "true",
        "projection.year.type": "integer",
        "projection.year.range": f"{FIRST_YEAR},{LAST_YEAR}",
        "projection.month.type": "integer",
        "projection.month.range": "1,12",
        "projection.month.digits": "2",
        "projection.day.type": "integer",
        "projection.day.range": "1,31",
        "projection.day.digits": "2",
        "storage.location.template": location_of(table.prefix, bucket) + by_day,
    }


def location_of(prefix: Prefix, bucket: str) -> str:
    return f"s3://{bucket}/{prefix.path}"


def partition_path(day: date) -> str:
    return f"year={day:%Y}/month={day:%m}/day={day:%d}/"


def partition_values(day: date) -> tuple[str, str, str]:
    return str(day.year), str(day.month), str(day.day)


def _columns_of(table: LogTable) -> tuple[tuple[str, str], ...]:
    """The columns that it should have: ours, and after them whatever somebody has added to it."""
    ours = {name for name, _ in COLUMNS}
    return (*COLUMNS, *(column for column in table.columns if column[0] not in ours))


def _with_hash(name: str, prefix: Prefix) -> str:
    digest = sha256(prefix.path.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: LONGEST_NAME - HASH_LENGTH - 1]}_{digest}"
