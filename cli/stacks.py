"""The stacks of a deployment, as CloudFormation has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError


@contextmanager
def where_there_is_one() -> Iterator[None]:
    """Leave the rest of the block out if CloudFormation says that there is no such stack."""
    try:
        yield
    except ClientError as error:
        # "Stack with id <name> does not exist", "Stack for <id> does not exist"
        if error.response["Error"]["Code"] != "ValidationError":
            raise


def read_template(cloudformation: Any, stack: str) -> dict[str, Any]:
    """Return the template that a stack was deployed with."""
    template: Any = cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    found: dict[str, Any] = json.loads(template) if isinstance(template, str) else template
    return found
