"""Launch templates: their versions, each with the image of the instances that are launched from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.endpoint import Action, Params
from simulator.errors import AwsError

LATEST, DEFAULT_VERSION = "$Latest", "$Default"
TEMPLATE_TAG, VERSION_TAG = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"
ALIAS = "resolve:ssm:"
FIRST_IMAGE = "ami-00000000000000001"


@dataclass(eq=False, slots=True)
class LaunchTemplate:
    """One launch template.

    Attributes:
        images: the image of each version; the first version is 1.
        default: the default version.
        instance_type: the type that each version names; "": none.
    """

    id: str
    images: list[str] = field(default_factory=lambda: [FIRST_IMAGE])
    default: int = 1
    instance_type: str = ""

    def number(self, version: str) -> int:
        """Return the number of the version that `version` names: a number, `$Latest` or `$Default`.

        Raises:
            AwsError: if there is no such version.
        """
        by_name = {LATEST: len(self.images), DEFAULT_VERSION: self.default}.get(version)
        number = by_name or (int(version) if version.isdecimal() else 0)
        if not 1 <= number <= len(self.images):
            raise AwsError(
                "InvalidLaunchTemplateId.VersionNotFound", f"Could not find launch template version {version}"
            )
        return number

    def image(self, version: str) -> str:
        """Return the image of a version."""
        return self.images[self.number(version) - 1]


class LaunchTemplates:
    """All launch templates of the account, by their ids.

    Attributes:
        broken: the images whose instances never register.
        failing: the images on whose instances every task ends as soon as it has started.
        unhealthy: the images on whose instances every target fails its health checks.
        parameter: returns the value of a parameter of SSM.
    """

    def __init__(self) -> None:
        self.templates: dict[str, LaunchTemplate] = {}
        self.broken: set[str] = set()
        self.failing: set[str] = set()
        self.unhealthy: set[str] = set()
        self.parameter: Callable[[str], str] = lambda name: name

    def image(self, id_: str, version: str) -> str:
        """Return the image that an instance gets that is launched from this version now.

        EC2 User Guide, "Use a Systems Manager parameter instead of an AMI ID": `resolve:ssm:NAME`.
        """
        return self._resolved(self.of(id_).image(version))

    def _resolved(self, image: str) -> str:
        return self.parameter(image.removeprefix(ALIAS)) if image.startswith(ALIAS) else image

    def of(self, id_: str) -> LaunchTemplate:
        """Return the template of this id, which is made if there is none."""
        return self.templates.setdefault(id_, LaunchTemplate(id_))

    def launch(self, tags: dict[str, str], id_: str, version: str) -> None:
        """Add the tags that EC2 gives an instance that is launched from a template.

        Amazon EC2 User Guide, "Launch templates": `aws:ec2launchtemplate:id` and `aws:ec2launchtemplate:version`.
        """
        tags[TEMPLATE_TAG], tags[VERSION_TAG] = id_, str(self.of(id_).number(version))

    def actions(self) -> dict[str, Action]:
        return {"ec2:DescribeLaunchTemplateVersions": self.describe_versions}

    def describe_versions(self, params: Params) -> dict[str, Any]:
        """Describe versions of one template (EC2 API, DescribeLaunchTemplateVersions).

        With `ResolveAlias`, an image that is named by a parameter of SSM is shown as the id that this stands for.
        """
        by_id, name = "LaunchTemplateId" in params, params.get("LaunchTemplateName", "")
        template = self.templates.get(params["LaunchTemplateId"] if by_id else f"lt-{name}")
        if template is None or (by_id and name):
            raise AwsError(
                "InvalidLaunchTemplateId.NotFound" if by_id else "InvalidLaunchTemplateName.NotFoundException",
                f"The specified launch template, {params.get('LaunchTemplateId', name)}, does not exist.",
            )
        asked = params.get("Versions") or [str(number + 1) for number in range(len(template.images))]
        resolved = self._resolved if params.get("ResolveAlias") else str
        numbers = [template.number(version) for version in asked]
        return {"LaunchTemplateVersions": [_described(template, number, resolved) for number in numbers]}


def _described(template: LaunchTemplate, number: int, shown: Callable[[str], str]) -> dict[str, Any]:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.id.removeprefix("lt-"),
        "VersionNumber": number,
        "DefaultVersion": number == template.default,
        "LaunchTemplateData": {
            "ImageId": shown(template.images[number - 1]),
            **({"InstanceType": template.instance_type} if template.instance_type else {}),
        },
    }
