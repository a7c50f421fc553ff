"""What a pool launches today, and which of its instances are something else, as AWS describes both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from steady.aws.capacity.auto_scaling_group import templates_of
from steady.aws.capacity.drift import read_drift, with_drift
from steady.aws.runtime import Runtime
from steady.drift import Drift
from steady.pools import Pool, PoolKind, PoolName, TemplateName
from steady.thresholds import Thresholds

ON = Thresholds(renew="drift")
BASE = {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "web", "Version": "$Latest"}
WEB = TemplateName("lt-1", "web", "$Latest")
ARM = TemplateName("", "arm", "$Default", frozenset({"m6g.large"}))


class Ec2:
    """Answers as EC2 does about two templates, `web` and `arm`, and about instances."""

    def __init__(self, **instances: tuple[str, str, str]) -> None:
        self.images = {"lt-1": (2, "ami-2"), "lt-arm": (1, "ami-arm")}
        self.instances, self.denied = instances, False

    def describe_launch_template_versions(self, Versions: list[str], ResolveAlias: bool, **by: str) -> dict[str, Any]:  # noqa: N803
        assert len(by) == 1, "its id or its name, and not both"
        if self.denied and ResolveAlias:
            raise ClientError({"Error": {"Code": "UnauthorizedOperation"}}, "DescribeLaunchTemplateVersions")
        id_ = by.get("LaunchTemplateId") or {"web": "lt-1", "arm": "lt-arm"}.get(by["LaunchTemplateName"], "")
        if id_ not in self.images:
            raise ClientError({"Error": {"Code": "InvalidLaunchTemplateName.NotFoundException"}}, "Describe")
        number, image = self.images[id_]
        shown = image if ResolveAlias else "resolve:ssm:/golden"
        described = {"LaunchTemplateId": id_, "VersionNumber": number, "LaunchTemplateData": {"ImageId": shown}}
        return {"LaunchTemplateVersions": [described] if Versions else []}

    def get_paginator(self, name: str) -> Ec2:
        assert name == "describe_instances"
        return self

    def paginate(self, Filters: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N803
        asked = [id_ for id_ in Filters[0]["Values"] if id_ in self.instances]
        return [{"Reservations": [{"Instances": [self._described(id_) for id_ in asked]}]}]

    def _described(self, id_: str) -> dict[str, Any]:
        image, template, version = self.instances[id_]
        tags = {"aws:ec2launchtemplate:id": template, "aws:ec2launchtemplate:version": version} if template else {}
        return {
            "InstanceId": id_,
            "ImageId": image,
            "LaunchTime": datetime(2026, 1, 1, tzinfo=UTC),
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }


class Group:
    """Answers as Auto Scaling does of a group that has never been refreshed."""

    def describe_instance_refreshes(self, **_: Any) -> dict[str, Any]:
        return {"InstanceRefreshes": []}


def runtime_of(ec2: Ec2) -> Runtime:
    found = Runtime(now=lambda: datetime(2026, 1, 11, tzinfo=UTC).timestamp())
    found.__dict__.update(ec2=ec2, autoscaling_once=Group())
    return found


def pool(members: Mapping[str, str], *templates: TemplateName, **of: Any) -> Pool:
    return Pool(PoolName(PoolKind.AUTO_SCALING_GROUP, "web"), 1, 0, 9, members, templates=templates, **of)


def drifted(ec2: Ec2, *templates: TemplateName, type_: str = "m5.large", **of: Any) -> Mapping[str, Drift]:
    named = pool(dict.fromkeys(ec2.instances, type_), *templates, **of)
    return read_drift(runtime_of(ec2), named, ON).drifted


@pytest.mark.parametrize("name", [WEB, TemplateName("lt-1", "", "2"), TemplateName("", "web", "$Default")])
def test_a_template_may_be_named_by_its_id_or_by_its_name_alone(name: TemplateName) -> None:
    ec2 = Ec2(new=("ami-2", "lt-1", "2"), old=("ami-1", "lt-1", "1"), same=("ami-2", "lt-1", "1"))

    assert drifted(ec2, name) == {"old": Drift.IMAGE, "same": Drift.TEMPLATE}


def test_an_instance_without_the_tags_of_a_template_is_compared_by_its_image() -> None:
    assert drifted(Ec2(new=("ami-2", "", ""), old=("ami-1", "", "")), WEB) == {"old": Drift.IMAGE}


def test_an_instance_is_compared_with_the_template_of_its_own_type() -> None:
    x86 = TemplateName("lt-1", "web", "$Latest", frozenset({"m5.large"}))
    ec2 = Ec2(one=("ami-2", "lt-1", "2"))

    assert drifted(ec2, x86, ARM) == {}
    assert drifted(ec2, x86, ARM, type_="m6g.large") == {"one": Drift.IMAGE}


def test_an_image_that_the_pool_names_itself_counts_before_the_templates() -> None:
    own = TemplateName("lt-1", "web", "$Latest", image="ami-9")

    assert drifted(Ec2(one=("ami-9", "lt-1", "2"), two=("ami-2", "lt-1", "2")), own) == {"two": Drift.IMAGE}


@pytest.mark.parametrize(("named", "found"), [({"m6i.large"}, {"one": Drift.TYPE}), (set(), {})])
def test_a_type_that_the_pool_no_longer_names_is_out_of_date_although_its_weight_is_known(
    named: set[str], found: Mapping[str, Drift]
) -> None:
    ec2 = Ec2(one=("ami-2", "lt-1", "2"))

    assert drifted(ec2, WEB, named_types=frozenset(named), weights={"m5.large": 1, "m6i.large": 1}) == found


def test_a_group_is_given_another_launch_configuration() -> None:
    ec2 = Ec2(one=("ami-1", "", ""), two=("ami-1", "", ""))

    assert drifted(ec2, configuration="lc-2", configured={"one": "lc-1", "two": "lc-2"}) == {"one": Drift.TEMPLATE}


def test_a_group_moves_from_a_launch_configuration_to_a_template_and_back() -> None:
    ec2 = Ec2(conf=("ami-2", "", ""), temp=("ami-2", "lt-1", "2"))

    assert drifted(ec2, WEB, configured={"conf": "lc-1"}) == {"conf": Drift.TEMPLATE}
    assert drifted(ec2, configuration="lc-1", configured={"conf": "lc-1"}) == {"temp": Drift.TEMPLATE}


def test_an_instance_that_is_too_old_is_told_by_the_time_of_its_launch() -> None:
    members = pool({"one": "m5.large"}, WEB)
    runtime = runtime_of(Ec2(one=("ami-2", "lt-1", "2")))

    assert read_drift(runtime, members, Thresholds(renew="drift", max_instance_age=10)).drifted == {"one": Drift.AGE}
    assert read_drift(runtime, members, Thresholds(renew="drift", max_instance_age=11)).drifted == {}


def test_where_the_parameter_of_an_image_may_not_be_read_the_version_alone_is_compared() -> None:
    ec2 = Ec2(one=("ami-1", "lt-1", "2"), two=("ami-1", "lt-1", "1"))
    ec2.denied = True

    assert drifted(ec2, WEB) == {"two": Drift.TEMPLATE}


def test_an_instance_that_ec2_does_not_describe_is_neither_old_nor_new() -> None:
    seen = read_drift(runtime_of(Ec2()), pool({"one": "m5.large"}, WEB), ON)

    assert (seen.drifted, seen.current) == ({}, frozenset())


def test_a_template_that_is_gone_is_said_and_nothing_is_renewed() -> None:
    seen = with_drift(runtime_of(Ec2(one=("ami-1", "lt-1", "1"))), pool({"one": "m5.large"}, ARM, WEB), ON)
    assert seen.drift_unread == ""

    gone = with_drift(runtime_of(Ec2()), pool({"one": "m5.large"}, TemplateName("", "gone", "1")), ON)
    assert "NotFound" in gone.drift_unread
    assert (gone.drifted, gone.launches) == ({}, "")


def test_the_templates_of_a_group_are_read_with_the_types_that_are_launched_from_them() -> None:
    assert templates_of({"LaunchTemplate": {"LaunchTemplateName": "web"}}) == (TemplateName("", "web", "$Default"),)
    assert templates_of({"LaunchConfigurationName": "lc-1"}) == ()
    overrides = [
        {"InstanceType": "m5.large"},
        {"InstanceType": "m5a.large"},
        {"InstanceType": "m6g.large", "LaunchTemplateSpecification": {"LaunchTemplateName": "arm"}},
        {"InstanceType": "g4dn.xlarge", "ImageId": "ami-gpu"},
    ]
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": BASE, "Overrides": overrides}}

    assert templates_of({"MixedInstancesPolicy": policy}) == (
        TemplateName("lt-1", "web", "$Latest", frozenset({"m5.large", "m5a.large"})),
        ARM,
        TemplateName("lt-1", "web", "$Latest", frozenset({"g4dn.xlarge"}), "ami-gpu"),
    )
    any_type = {"LaunchTemplate": {"LaunchTemplateSpecification": BASE, "Overrides": [{"InstanceRequirements": {}}]}}
    assert templates_of({"MixedInstancesPolicy": any_type}) == (WEB,)
