"""Read launch templates, and the user data of anything that launches instances."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from cli.doctor.model import LaunchTemplate
from steady.aws.runtime import Runtime


def launch_templates(runtime: Runtime, references: Iterable[Any]) -> Iterable[LaunchTemplate]:
    """Read the launch templates that `references` name (LaunchTemplateSpecification). Empty references are skipped."""
    for reference in references:
        if not reference:
            continue
        named = {k: reference[k] for k in ("LaunchTemplateId",) if reference.get(k)} or {
            "LaunchTemplateName": reference["LaunchTemplateName"]
        }
        version = runtime.ec2.describe_launch_template_versions(
            **named, Versions=[reference.get("Version") or "$Default"]
        )["LaunchTemplateVersions"][0]
        data = version["LaunchTemplateData"]
        yield LaunchTemplate(
            version["LaunchTemplateId"],
            str(version["VersionNumber"]),
            user_data_of(data),
            data.get("DisableApiTermination", False),
        )


def user_data_of(described: Mapping[str, Any]) -> str:
    """Return the decoded `UserData` of a template, launch configuration or specification; "" if there is none."""
    user_data = str(described.get("UserData", ""))
    try:
        return base64.b64decode(user_data, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return user_data
