"""Plan the log catalogue: the tables for the prefixes that logs lie under, and the name of each table.

A log object's key is `<family>/<container>/year=YYYY/month=MM/day=DD/<hour>-<worker>-<id>.json.gz`; each family and
container is one table, partitioned by day.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

# Glue: 255 characters. Athena folds names to lower case, and needs no quotes around letters, digits and underscores.
LONGEST_NAME = 255
HASH_LENGTH = 8
# Partition projection covers these years.
FIRST_YEAR, LAST_YEAR = 2018, 2099

# The fields that fluentd writes for each line (fluentd/), in the table's order. A field that a line lacks is null.
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
    """The S3 prefix of the logs of one container of one task definition family."""

    family: str
    container: str

    @property
    def path(self) -> str:
        return f"{self.family}/{self.container}/"

    @staticmethod
    def parse(path: str) -> "Prefix":
        """Return the prefix whose `path` this is.

        >>> Prefix.parse("my-app/web/")
        Prefix(family='my-app', container='web')
        """
        family, _, container = path.rstrip("/").partition("/")
        return Prefix(family, container)


@dataclass(frozen=True, slots=True)
class LogTable:
    """A Glue table, and the prefix that it is made for; `projected` is whether its partitions are projected."""

    name: str
    prefix: Prefix
    columns: tuple[tuple[str, str], ...] = COLUMNS
    projected: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """The tables to make, to update and to drop; those in `kept` need no change."""

    to_make: tuple[LogTable, ...] = ()
    to_update: tuple[LogTable, ...] = ()
    to_drop: tuple[LogTable, ...] = ()
    kept: tuple[LogTable, ...] = ()

    @property
    def tables(self) -> tuple[LogTable, ...]:
        """The tables that exist once the plan is done."""
        return (*self.kept, *self.to_update, *self.to_make)


def table_name(prefix: Prefix) -> str:
    """Return the name of the table of `prefix`.

    It is in lower case. Each character that is no letter, digit or underscore becomes an underscore. A name that is too
    long, or has only underscores left, ends in a hash of the prefix.

    >>> table_name(Prefix("my-awesome-app", "app"))
    'my_awesome_app_app'
    """
    name = re.sub(r"[^a-z0-9_]", "_", f"{prefix.family}_{prefix.container}".lower())
    if len(name) > LONGEST_NAME or not name.strip("_"):
        return _with_hash(name, prefix)
    return name


def plan(
    prefixes: Iterable[Prefix], tables: Sequence[LogTable], *, projected: bool = True, drop_missing: bool = False
) -> Plan:
    """Return the plan that makes `tables` fit the logs under `prefixes`.

    A table never changes its name. If two prefixes make the same name, the table that has the name keeps it, or else
    the first prefix in order gets it; the name of the other one ends in a hash.

    >>> [table.name for table in plan([Prefix("a-b", "app"), Prefix("a_b", "app")], []).to_make]
    ['a_b_app', 'a_b_app_bcefe486']

    Args:
        projected: whether partitions are projected; else each is made.
        drop_missing: whether a table without any logs is dropped; otherwise it is kept.
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
    """Return the parameters of a Glue table: its prefix, and how Athena projects its partitions from the day."""
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
    """Return the S3 location of the logs under `prefix`.

    >>> location_of(Prefix("my-app", "web"), "logs")
    's3://logs/my-app/web/'
    """
    return f"s3://{bucket}/{prefix.path}"


def partition_path(day: date) -> str:
    """Return the part of a key that names the day.

    >>> partition_path(date(2026, 1, 9))
    'year=2026/month=01/day=09/'
    """
    return f"year={day:%Y}/month={day:%m}/day={day:%d}/"


def partition_values(day: date) -> tuple[str, str, str]:
    """Return the values of the table's partition keys for a day.

    >>> partition_values(date(2026, 1, 9))
    ('2026', '1', '9')
    """
    return str(day.year), str(day.month), str(day.day)


def _columns_of(table: LogTable) -> tuple[tuple[str, str], ...]:
    """Return the columns that the table should have: ours, then those that an operator has added."""
    ours = {name for name, _ in COLUMNS}
    return (*COLUMNS, *(column for column in table.columns if column[0] not in ours))


def _with_hash(name: str, prefix: Prefix) -> str:
    digest = sha256(prefix.path.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: LONGEST_NAME - HASH_LENGTH - 1]}_{digest}"
