"""fluentd's configurations fit the log driver, the catalogue and the stack that runs them; no line has a way out."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from cli.logs.query import iso
from infra import stacks
from infra.log_shipping.driver import LABELS, OPTIONS, PORT
from infra.packed_files import VARIABLE, unpacked
from steady.catalog import COLUMNS, PARTITIONS, Prefix, partition_path
from tests.fluentd.configurations import FOLDER, read, sections
from tests.infra.made_clusters import CONTEXT

HOST, AGGREGATOR = read("host.yaml"), read("aggregator.yaml")
# What Docker's driver says of a line by itself (Docker: "Fluentd logging driver").
FROM_DOCKER = {"log", "source", "container_id", "container_name"}


@pytest.fixture(scope="module")
def template() -> Template:
    [added] = stacks.add_to(cdk.App(context=CONTEXT))
    assert added.logs
    return Template.from_stack(added.logs)


def containers(template: Template, family: str) -> list[dict[str, Any]]:
    """The fluentd containers of the task definitions of `family`."""
    found = template.find_resources("AWS::ECS::TaskDefinition", {"Properties": {"Family": family}}).values()
    return [task["Properties"]["ContainerDefinitions"][0] for task in found]


def filters() -> dict[str, dict[str, str]]:
    return {f["in"]: f["record"] for f in sections(HOST, "filter")}


def s3_output() -> dict[str, Any]:
    [output] = [m for m in sections(AGGREGATOR, "match") if m["$type"] == "s3"]
    return output


def test_a_line_has_a_value_for_every_column_of_the_catalogue() -> None:
    written = {s3_output()["inject"]["time_key"]}

    assert {name for name, _ in COLUMNS} <= FROM_DOCKER | set(filters()["@CONTAINERS"]) | written
    assert {"log", "cluster", "instance_id"} <= {"log"} | set(filters()["@INSTANCE"])


def test_what_becomes_a_column_is_a_label_that_the_driver_sends() -> None:
    record = json.dumps(filters()["@CONTAINERS"])
    asked = set(re.findall(r"com\.amazonaws\.ecs\.[a-z-]+", record))

    assert asked == set(LABELS) == set(OPTIONS["labels"].split(","))


def test_objects_lie_where_the_catalogue_looks() -> None:
    output = s3_output()
    path, day = output["path"], date(2018, 11, 28)

    for key, value in (("${family}", "my-awesome-app"), ("${container}", "app")):
        path = path.replace(key, value)
    assert day.strftime(path) == Prefix("my-awesome-app", "app").path + partition_path(day)
    assert [name for name, _ in PARTITIONS] == re.findall(r"(\w+)=%", output["path"])
    # Whatever is in the key is a key of the chunk: no two prefixes ever share an object.
    assert set(output["buffer"]["$arg"]) == {"family", "container", "time"}
    assert {"family", "container"} <= set(filters()["@CONTAINERS"]) & set(filters()["@INSTANCE"])


def test_an_object_s_name_is_its_hour_worker_and_chunk() -> None:
    name = s3_output()["s3_object_key_format"]

    assert re.fullmatch(r"%\{path\}%H-#\{.*WORKER_ID.*\}-\$\{chunk_id\}\.json\.gz", name)
    assert s3_output()["store_as"] == "gzip"
    assert s3_output()["format"]["$type"] == "json"
    assert s3_output()["buffer"]["timekey"] == 3600


def test_a_line_s_time_compares_with_those_of_queries() -> None:
    inject = s3_output()["inject"]

    assert inject["utc"] is True
    # strftime of Ruby, which has %6N for what Python calls %f.
    ours = inject["time_format"].replace("%6N", "%f")
    moment = datetime(2018, 11, 28, 9, 30, 0, 123456, tzinfo=UTC)
    assert iso(moment) == moment.strftime(ours)


def test_the_host_takes_lines_on_its_loopback_where_docker_sends_them() -> None:
    [source] = [s for s in sections(HOST, "source") if s["$type"] == "forward"]

    assert f"{source['bind']}:{source['port']}" == OPTIONS["fluentd-address"]
    assert OPTIONS["fluentd-async"] == OPTIONS["fluentd-request-ack"] == "true"


def test_the_docs_show_the_driver_s_options() -> None:
    text = (FOLDER.parent / "docs" / "logs.md").read_text()
    [shown] = re.findall(r'"logConfiguration": (\{.*?\n\})\n', text, re.DOTALL)

    assert json.loads(shown) == {"logDriver": "fluentd", "options": OPTIONS}


def test_the_instance_s_own_faults_are_read_too() -> None:
    tags = {s["tag"]: s for s in sections(HOST, "source") if s["$label"] == "@INSTANCE"}

    assert set(tags) == {"instance.ecs-agent", "instance.docker", "instance.kernel"}
    assert {"_TRANSPORT": "kernel"} in tags["instance.kernel"]["matches"]
    # Each goes on where it was before a restart.
    places = [s.get("pos_file") or s["storage"]["path"] for s in tags.values()]
    assert len(set(places)) == 3
    assert all(place.startswith("/buffer/") for place in places)


@pytest.mark.parametrize("output", [*sections(HOST, "match"), *sections(AGGREGATOR, "match")])
def test_every_output_that_leaves_keeps_lines_on_disk_until_they_are_taken(output: dict[str, Any]) -> None:
    if output["$type"] in ("relabel", "stdout"):
        assert "buffer" not in output
        return
    buffer = output["buffer"]
    assert buffer["$type"] == "file"
    assert buffer["path"].startswith("/buffer/")
    assert buffer["retry_forever"] is True
    assert buffer["flush_at_shutdown"] is True
    # Never drop_oldest_chunk: what is full holds back, or refuses.
    assert buffer["overflow_action"] in ("block", "throw_exception")
    if output["$type"] == "forward":
        assert output["require_ack_response"] is True
    else:
        assert output["secondary"]["$type"] == "secondary_file"


def test_labels_lead_somewhere() -> None:
    there = {section["label"]["$name"] for section in HOST["config"] if "label" in section}
    named = {s["$label"] for kind in ("source", "match") for s in sections(HOST, kind) if "$label" in s}

    assert named == there


@pytest.mark.parametrize(("file", "family"), [("host", "steady-log-shipper"), ("aggregator", "steady-log-aggregator")])
def test_each_task_has_what_its_configuration_reads(template: Template, file: str, family: str) -> None:
    text = (FOLDER / f"{file}.yaml").read_text()
    wanted = set(re.findall(r"ENV\.fetch\('(\w+)'\)", text))
    read_at = set(re.findall(r"(/(?:host|buffer)(?:/(?:log|run-log|cloud)\b)?)", text))

    found = containers(template, family)
    assert found
    for container in found:
        environment = {pair["Name"] for pair in container["Environment"]}
        mounted = {mount["ContainerPath"]: mount["ReadOnly"] for mount in container["MountPoints"]}
        assert environment == wanted | {VARIABLE}
        [packed] = [pair["Value"] for pair in container["Environment"] if pair["Name"] == VARIABLE]
        assert unpacked(packed) == {"fluentd.yaml": text}
        assert read_at - {"/host"} == set(mounted)
        assert [place for place, read_only in mounted.items() if not read_only] == ["/buffer"]


def test_the_aggregators_listen_where_the_load_balancer_sends(template: Template) -> None:
    [source] = sections(AGGREGATOR, "source")
    [server] = next(m for m in sections(HOST, "match") if m["$type"] == "forward")["server"]

    assert source["port"] == server["port"] == PORT
    template.has_resource_properties("AWS::ElasticLoadBalancingV2::Listener", {"Port": PORT, "Protocol": "TCP"})
    [container] = containers(template, "steady-log-aggregator")
    assert [mapping["ContainerPort"] for mapping in container["PortMappings"]] == [PORT]
