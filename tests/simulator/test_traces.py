"""Traces as people have them: what works as it is, and one line for what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.workload import traces
from simulator.workload.plan import Job
from steady.cluster import Size

HEAD = "submit_s,family,cpu,memory,run_s"
TWO = (Job(3, "a", Size(512, 1024), 30), Job(9, "b", Size(1024, 2048), 60))


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "jobs.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        f"{HEAD}\n3,a,512,1024,30\n9,b,1024,2048,60\n",
        f"{HEAD}\r\n3,a,512,1024,30\r\n9,b,1024,2048,60\r\n",
        f"\ufeff{HEAD}\r\n3,a,512,1024,30\r\n9,b,1024,2048,60\r\n",
        f"{HEAD}\n9,b,1024,2048,60\n3,a,512,1024,30",
        f"{HEAD}\n\n9,b,1024,2048,60\n,,,,\n3,a,512,1024,30\n\n",
        "submit_s, family, cpu, memory, run_s\n9, b, 1024, 2048, 60\n3, a, 512, 1024, 30\n",
        "note,run_s,memory,cpu,family,submit_s\nx,60,2048,1024,b,9\ny,30,1024,512,a,3\n",
        f'{HEAD}\n3,"a",512,1024,30\n9,"b",1024,2048,60\n',
    ],
    ids=["plain", "CRLF", "of Excel", "unsorted", "empty lines", "with spaces", "more columns", "quoted"],
)
def test_a_trace_works_as_people_have_it(tmp_path: Path, content: str) -> None:
    assert traces.jobs(written(tmp_path, content)) == TWO


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", " is empty: a first line submit_s,family,cpu,memory,run_s is needed"),
        ("\n\n", " is empty: a first line"),
        (f"{HEAD}\n", " has no row below its first line: a first line"),
        (
            "submit_s,family,cpu,run_s\n1,a,2,3\n",
            ", line 1: the column memory is missing from submit_s,family,cpu,run_s:",
        ),
        ("1,a,2,3,4\n", ", line 1: the column submit_s is missing from 1,a,2,3,4: a first line submit_s"),
        (HEAD.replace(",", ";") + "\n1;a;2;3;4\n", '" is separated by semicolons: commas are needed, as in'),
        (HEAD.replace(",", "\t") + "\n1\ta\t2\t3\t4\n", '" is separated by tabs: commas are needed, as in'),
        (f"{HEAD}\n1,a,2,3\n", ', line 2: "1,a,2,3" has 4 values: one for each of the 5 columns'),
        (f"{HEAD}\n1,a,2,3,4,5\n", ', line 2: "1,a,2,3,4,5" has 6 values: one for each of the 5 columns'),
        (f"{HEAD}\n-1,a,2,3,4\n", ', line 2, column submit_s: it is "-1": a number of seconds, 0 or more is needed'),
        (f"{HEAD}\nnan,a,2,3,4\n", ', line 2, column submit_s: it is "nan": a number of seconds, 0 or more'),
        (f"{HEAD}\n\n1,a,2,3,inf\n", ', line 3, column run_s: it is "inf": a number of seconds, more than 0'),
        (f"{HEAD}\n1,a,2,3,0\n", ', line 2, column run_s: it is "0": a number of seconds, more than 0 is needed'),
        (f"{HEAD}\n1,a,lots,3,4\n", ', line 2, column cpu: it is "lots": a whole number of CPU units'),
        (f"{HEAD}\n1,a,2,-3,4\n", ', line 2, column memory: it is "-3": a whole number of MiB, 0 or more is needed'),
        (
            f"{HEAD}\n1,a,2,1e400,4\n",
            ', line 2, column memory: it is "1e400": a whole number of MiB',
        ),
        (f"{HEAD}\n1,,2,3,4\n", ', line 2, column family: it is "": a name is needed'),
        (f'{HEAD}\n1,"a,2,3,4\n', ", line 2: unexpected end of data: rows of CSV are needed"),
        (f"{HEAD},cpu\n1,a,2,3,4,5\n", ", line 1: the column cpu is there twice: each is needed once"),
        (f"{HEAD}\n1_0,a,2,3,4\n", ', line 2, column submit_s: it is "1_0": a number of seconds, 0 or more'),
        (f"{HEAD}\n1,a,1_024,3,4\n", ', line 2, column cpu: it is "1_024": a whole number of CPU units'),
        (f"{HEAD}\n1,caf\u00e9,2,3,4\n".encode("latin-1"), ", line 2: the byte 0xe9 is no UTF-8: a text file in UTF-8"),
        (bytes(range(256)) * 4, "is no UTF-8"),
        (f"{HEAD}\n1,a,2,3,4\n".encode("utf-16"), "(iconv -f utf16 -t utf8 converts one in UTF-16)"),
    ],
)
def test_a_bad_trace_is_one_line_with_its_place_its_value_and_what_is_needed(
    tmp_path: Path, content: str | bytes, what: str
) -> None:
    path = written(tmp_path, content)

    with pytest.raises(traces.BadTrace) as error:
        traces.jobs(path)

    assert what in str(error.value)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"metadata": {}, "data": [1]}', "metadata, gap_seconds: Field required"),
        (
            '{"metadata": {"gap_seconds": 0}, "data": [1]}',
            'metadata, gap_seconds is "0": Input should be greater than 0',
        ),
        (
            '{"metadata": {"gap_seconds": 300}, "data": [4, -1]}',
            'data, 1 is "-1": Input should be greater than or equal',
        ),
        ('{"metadata": {"gap_seconds": 300}, "data": [4, NaN]}', 'data, 1 is "nan"'),
        ('{"metadata": {"gap_seconds": 300}, "data": []}', "data is"),
        ('{"metadata": {"gap_seconds": 300}, "data": [0, 0]}', "the largest number of data is 0: one over 0 is needed"),
    ],
)
def test_a_bad_trace_of_a_market_says_where_and_what_is_needed(tmp_path: Path, content: str, what: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(traces.BadTrace) as error:
        traces.spot_market(path)

    assert what in str(error.value)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("0,a,1.5,1,1", ', line 2, column desired_count: it is "1.5": a whole number of tasks, 0 or more is needed'),
        ("0,a,-1,1,1", ', line 2, column desired_count: it is "-1"'),
        ("-0.1,a,1,1,1", ', line 2, column at_s: it is "-0.1"'),
    ],
)
def test_a_bad_trace_of_services_is_refused_with_its_place(tmp_path: Path, row: str, what: str) -> None:
    path = written(tmp_path, f"at_s,service,desired_count,cpu,memory\n{row}\n")

    with pytest.raises(traces.BadTrace) as error:
        traces.services(path)

    assert what in str(error.value)


def test_a_market_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeff{"metadata": {"gap_seconds": 300}, "data": [4, 2]}')

    assert traces.spot_market(path).most == 4


@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: f"{HEAD}\n{text}".encode("utf-8", "ignore"))
    )
)
@pytest.mark.parametrize("read", [traces.jobs, traces.services, traces.spot_market])
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, read: object, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    assert callable(read)

    try:
        outcome: object = read(path)
    except traces.BadTrace as error:
        outcome = str(error).startswith(str(path))

    assert outcome
