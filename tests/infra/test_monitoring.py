"""Metrics: cAdvisor on every cluster, who may scrape it, and Prometheus and Grafana with what they show."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from infra import stacks
from infra.monitoring.cadvisor import LABELS
from infra.packed_files import VARIABLE, unpacked
from infra.settings.errors import BadSettings
from infra.settings.target import targets_in
from monitoring.configuration import CADVISOR_PORT, FOLDER, grafana_files, prometheus_files
from tests.infra.made_clusters import CONTEXT
from tests.infra.test_logs import ADOPTED, EXAMPLE_CLUSTERS, NETWORK, services

# ECS: 64 KiB a task definition.
LARGEST_TASK_DEFINITION = 64 * 1024


def synthesized(**monitoring: Any) -> Template:
    context = {"clusters": [*EXAMPLE_CLUSTERS, ADOPTED], "monitoring": monitoring}
    [added] = stacks.add_to(cdk.App(context=context))
    assert added.monitoring
    return Template.from_stack(added.monitoring)


@pytest.fixture(scope="module")
def template() -> Template:
    return synthesized(cluster="web", keep_days=45, allow=["10.1.0.0/16"], remote_write="https://example.com/write")


@pytest.fixture(scope="module")
def scraped_elsewhere() -> Template:
    return synthesized(scrape_only=True, allow=["sg-0123456789abcdef0"])


def container(template: Template, family: str) -> dict[str, Any]:
    found = template.find_resources("AWS::ECS::TaskDefinition", {"Properties": {"Family": family}}).values()
    return next(iter(found))["Properties"]["ContainerDefinitions"][0]  # type: ignore[no-any-return]


def environment_of(template: Template, family: str) -> dict[str, Any]:
    return {pair["Name"]: pair["Value"] for pair in container(template, family)["Environment"]}


def ingress(template: Template) -> list[dict[str, Any]]:
    apart = [rule["Properties"] for rule in template.find_resources("AWS::EC2::SecurityGroupIngress").values()]
    groups = template.find_resources("AWS::EC2::SecurityGroup").values()
    return apart + [rule for group in groups for rule in group["Properties"].get("SecurityGroupIngress", [])]


def test_without_the_key_there_is_no_monitoring() -> None:
    [added] = stacks.add_to(cdk.App(context={"clusters": EXAMPLE_CLUSTERS}))

    assert added.monitoring is None


def test_every_cluster_has_cadvisor_on_each_instance(template: Template, scraped_elsewhere: Template) -> None:
    for each in (template, scraped_elsewhere):
        assert sorted(s["Cluster"] for s in services(each, "DAEMON")) == ["batch", "old", "train", "web"]


def test_cadvisor_reads_and_does_nothing_else(template: Template) -> None:
    cadvisor = container(template, "steady-cadvisor")

    assert all(mount["ReadOnly"] for mount in cadvisor["MountPoints"])
    assert cadvisor["ReadonlyRootFilesystem"] is True
    assert not cadvisor.get("Privileged")
    assert cadvisor["Memory"] == 512
    assert cadvisor["LinuxParameters"]["Capabilities"] == {"Add": ["SYSLOG"], "Drop": ["ALL"]}
    assert [mapping["HostPort"] for mapping in cadvisor["PortMappings"]] == [CADVISOR_PORT]


def test_cadvisor_keeps_the_labels_that_prometheus_reads_and_no_others(template: Template) -> None:
    read = (FOLDER / "prometheus.yml").read_text()
    as_prometheus_has_them = ["container_label_" + label.translate(str.maketrans(".-", "__")) for label in LABELS]
    command = container(template, "steady-cadvisor")["Command"]

    assert "--store_container_labels=false" in command
    assert f"--whitelisted_container_labels={','.join(LABELS)}" in command
    # The cluster is the instance's own tag.
    assert [label for label in as_prometheus_has_them if label not in read] == [
        "container_label_com_amazonaws_ecs_cluster"
    ]


def test_only_prometheus_scrapes_the_instances_of_clusters_that_are_made(template: Template) -> None:
    scrapes = [rule for rule in ingress(template) if rule["FromPort"] == CADVISOR_PORT]

    assert len(scrapes) == len(EXAMPLE_CLUSTERS)
    assert len({json.dumps(rule["SourceSecurityGroupId"]) for rule in scrapes}) == 1
    assert all("PrometheusSecurityGroup" in json.dumps(rule["SourceSecurityGroupId"]) for rule in scrapes)


def test_with_scrape_only_those_scrape_who_are_named(scraped_elsewhere: Template) -> None:
    scraped_elsewhere.resource_count_is("AWS::EFS::FileSystem", 0)
    assert services(scraped_elsewhere, "REPLICA") == []
    rules = ingress(scraped_elsewhere)
    assert {rule["SourceSecurityGroupId"] for rule in rules} == {"sg-0123456789abcdef0"}
    assert {rule["FromPort"] for rule in rules} == {CADVISOR_PORT}


def test_prometheus_and_grafana_run_once_and_keep_their_folders(template: Template) -> None:
    replicas = services(template, "REPLICA")

    assert sorted(s["ServiceName"] for s in replicas) == ["steady-grafana", "steady-prometheus"]
    for service in replicas:
        assert service["DesiredCount"] == 1
        # Never two at a time, in one folder.
        assert service["DeploymentConfiguration"]["MaximumPercent"] == 100
    template.has_resource("AWS::EFS::FileSystem", {"DeletionPolicy": "Retain", "Properties": {"Encrypted": True}})
    for definition in template.find_resources("AWS::ECS::TaskDefinition").values():
        for volume in definition["Properties"]["Volumes"]:
            if volume["Name"] == "kept":
                assert volume["EFSVolumeConfiguration"]["TransitEncryption"] == "ENABLED"
                assert volume["EFSVolumeConfiguration"]["AuthorizationConfig"]["IAM"] == "ENABLED"


def test_each_folder_is_its_own_task_s_alone(template: Template) -> None:
    [files] = template.find_resources("AWS::EFS::FileSystem").values()
    # A policy that allows nobody: it takes away that everybody may, and leaves it to the roles.
    assert [s["Effect"] for s in files["Properties"]["FileSystemPolicy"]["Statement"]] == ["Deny"]
    allowed = [
        json.dumps(statement["Condition"]["StringEquals"])
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "elasticfilesystem:ClientMount" in statement["Action"]
    ]
    assert len(set(allowed)) == 2
    assert all("access-point" in condition for condition in allowed)


def test_prometheus_has_its_configuration_and_may_find_instances(template: Template) -> None:
    environment = environment_of(template, "steady-prometheus")
    command = container(template, "steady-prometheus")["Command"][0]

    assert unpacked(environment[VARIABLE]) == prometheus_files(remote_write="https://example.com/write")
    assert "--storage.tsdb.retention.time=45d" in command
    assert environment["AWS_REGION"] == {"Ref": "AWS::Region"}
    template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": Match.object_like(
                {
                    "Statement": Match.array_with(
                        [
                            {
                                "Action": ["ec2:DescribeAvailabilityZones", "ec2:DescribeInstances"],
                                "Effect": "Allow",
                                "Resource": "*",
                            }
                        ]
                    )
                }
            )
        },
    )


def test_grafana_has_its_dashboards_and_a_password_that_nobody_wrote_down(template: Template) -> None:
    grafana = container(template, "steady-grafana")
    environment = environment_of(template, "steady-grafana")

    assert unpacked(environment[VARIABLE]) == grafana_files("prometheus.steady.internal")
    assert [secret["Name"] for secret in grafana["Secrets"]] == ["GF_SECURITY_ADMIN_PASSWORD"]
    assert not [name for name in environment if "PASSWORD" in name]


def test_people_look_at_grafana_from_instances_and_from_where_they_are_allowed(template: Template) -> None:
    rules = [rule for rule in ingress(template) if rule["FromPort"] == 3000]

    assert [rule["CidrIp"] for rule in rules if "CidrIp" in rule] == ["10.1.0.0/16"]
    assert len([rule for rule in rules if "SourceSecurityGroupId" in rule]) == len(EXAMPLE_CLUSTERS)
    assert "0.0.0.0/0" not in json.dumps(rules)


def test_task_definitions_are_not_larger_than_ecs_takes(template: Template) -> None:
    for definition in template.find_resources("AWS::ECS::TaskDefinition").values():
        assert len(json.dumps(definition["Properties"])) < LARGEST_TASK_DEFINITION / 2


def test_the_example_has_it_all() -> None:
    [added] = stacks.add_to(cdk.App(context=CONTEXT))

    assert added.monitoring


@pytest.mark.parametrize(
    ("monitoring", "what"),
    [
        ({}, "cluster is missing: the cluster that Prometheus runs on, or scrape_only, is needed"),
        ({"cluster": "no"}, 'cluster is "no": one of old is needed'),
        ({"cluster": "old"}, 'cluster is "old": old is adopted, so the key network is needed'),
        ({"scrape_only": True}, "network is missing: all clusters are adopted, so the key network is needed"),
        ({"scrape_only": True, "keep_days": 3}, "keep_days is 3: with scrape_only nothing uses keep_days"),
        ({"scrape_only": "yes"}, 'scrape_only is "yes": true or false is needed'),
        ({"cluster": "old", "keep_days": 0}, "keep_days is 0: a whole number from 1"),
        ({"cluster": "old", "sidecars": "("}, r'sidecars is "\(": a regular expression is needed'),
        ({"cluster": "old", "remote_write": "example.com"}, 'remote_write is "example.com": an address such as'),
        ({"cluster": "old", "alertmanager": "example.com"}, 'alertmanager is "example.com": a host and port'),
        ({"cluster": "old", "allow": "10.0.0.0/8"}, 'allow is "10.0.0.0/8": a list such as'),
        ({"cluster": "old", "images": {"grafana": ""}}, 'images, grafana is "": a container image\'s name'),
        ({"cluster": "old", "image": "x"}, 'image is "x": a known key is needed, one of scrape_only, cluster'),
    ],
)
def test_wrong_settings_are_refused_with_the_way_out(monitoring: dict[str, Any], what: str) -> None:
    with pytest.raises(BadSettings, match=what):
        targets_in({"clusters": [ADOPTED], "monitoring": monitoring})


def test_on_adopted_clusters_it_runs_in_the_network_that_is_named() -> None:
    context = {"clusters": [ADOPTED], "network": NETWORK, "monitoring": {"cluster": "old"}}
    [added] = stacks.add_to(cdk.App(context=context))

    assert added.monitoring
    for service in services(Template.from_stack(added.monitoring), "REPLICA"):
        assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] == ["subnet-a", "subnet-b"]
