"""The plain templates as a Terraform module: `main.tf.json`."""

from __future__ import annotations

import hashlib
from typing import Any

from cli.template.synthesis import CODE_BUCKET, PlainTarget
from steady.names import IMAGES_PATH


def module(target: PlainTarget, files: dict[str, str]) -> dict[str, Any]:
    """Return the module, in Terraform's JSON syntax. Its one variable is the bucket for templates and code.

    A template's key has a digest of its content: CloudFormation is asked for a change only where a URL changes.

    Args:
        files: the texts of the templates, by the names of their stacks.
    """
    objects: dict[str, Any] = {f"code_{number}": _object(code.key, code.key) for number, code in enumerate(target.code)}
    stacks: dict[str, Any] = {}
    for stack in target.stacks:
        name = _name(stack.name)
        digest = hashlib.sha256(files[stack.name].encode()).hexdigest()[:16]
        objects[name] = _object(f"{stack.name}.{digest}.json", f"{stack.name}.json")
        needs = [f"aws_cloudformation_stack.{_name(one)}" for one in stack.needs]
        code = [f"aws_s3_object.code_{number}" for number in range(len(target.code))] if stack.has_code else []
        cluster = stack.name.removeprefix("steady-cluster-")
        images = [f"aws_ssm_parameter.{_name(of)}" for of in target.images if of.partition("/")[0] == cluster]
        stacks[name] = {
            "name": stack.name,
            "template_url": "https://${data.aws_s3_bucket.code.bucket_regional_domain_name}/"
            f"${{aws_s3_object.{name}.key}}",
            "capabilities": ["CAPABILITY_IAM"],
            **({"parameters": {CODE_BUCKET: "${var.bucket}"}} if stack.has_code else {}),
            **({"depends_on": [*needs, *code, *images]} if needs or code or images else {}),
        }
    data: dict[str, Any] = {"aws_s3_bucket": {"code": {"bucket": "${var.bucket}"}}}
    resources: dict[str, Any] = {"aws_s3_object": objects, "aws_cloudformation_stack": stacks}
    if target.images:
        data["aws_ssm_parameter"] = {_name(cluster): {"name": newest} for cluster, newest in target.images.items()}
        resources["aws_ssm_parameter"] = {
            _name(cluster): {
                "name": f"{IMAGES_PATH}/{cluster}",
                "type": "String",
                "value": f"${{data.aws_ssm_parameter.{_name(cluster)}.value}}",
                # A newer image is taken on purpose (steady image), not by the next apply.
                "lifecycle": {"ignore_changes": ["value"]},
            }
            for cluster in target.images
        }
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "variable": {
            "bucket": {"type": "string", "description": "A bucket in the Region, for the templates and the code."}
        },
        "data": data,
        "resource": resources,
    }


def _object(key: str, file: str) -> dict[str, str]:
    return {"bucket": "${var.bucket}", "key": key, "source": f"${{path.module}}/{file}"}


def _name(name: str) -> str:
    """Return `name` as a name of Terraform's: it does not begin with a digit, and has no slash.

    A pool of a cluster, web/gpu, is web__gpu: a cluster of which something is made has no underscore.
    """
    return (name if name[:1].isalpha() else f"_{name}").replace("/", "__")
