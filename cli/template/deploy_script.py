"""`deploy.sh`, which deploys the plain templates with the AWS CLI alone."""

from __future__ import annotations

from collections.abc import Iterator

from cli.prepare import SPOT_SERVICES
from cli.template.synthesis import CODE_BUCKET, PlainTarget
from steady.names import IMAGES_PATH

HEAD = """#!/bin/sh
# Deploys the stacks in this folder, each after those that it needs. Safe to repeat. Needs the AWS CLI, with credentials
# and a Region, and a bucket of yours in that Region, for the templates and the functions' code.
set -eu
if [ $# -ne 1 ]; then
  echo "usage: $0 BUCKET" >&2
  exit 2
fi
bucket=$1
cd "$(dirname "$0")"

pin_image() { # CLUSTER'S_PARAMETER AWS'S_PARAMETER: only where the cluster has no image yet
  if ! aws ssm get-parameter --name "$1" >/dev/null 2>&1; then
    newest=$(aws ssm get-parameter --name "$2" --query Parameter.Value --output text)
    aws ssm put-parameter --name "$1" --type String --value "$newest" >/dev/null
  fi
}

make_role() { # SERVICE: only where the account has no such role yet
  found=$(aws iam list-roles --path-prefix "/aws-service-role/$1/" --query 'length(Roles)' --output text)
  if [ "$found" = 0 ]; then
    aws iam create-service-linked-role --aws-service-name "$1" >/dev/null
  fi
}

stack() { # NAME [OPTION...]
  name=$1
  shift
  aws cloudformation deploy --stack-name "$name" --template-file "$name.json" --s3-bucket "$bucket" \\
    --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset "$@"
}
"""


def script(target: PlainTarget) -> str:
    """Return the text of `deploy.sh`."""
    return HEAD + "\n" + "\n".join(_steps(target)) + "\n"


def _steps(target: PlainTarget) -> Iterator[str]:
    for code in target.code:
        yield f'aws s3 cp --only-show-errors {code.key} "s3://$bucket/{code.key}"'
    for cluster, newest in sorted(target.images.items()):
        yield f"pin_image {IMAGES_PATH}/{cluster} {newest}"
    if target.has_spot:
        yield from (f"make_role {service}" for service in SPOT_SERVICES)
    for stack in target.stacks:
        yield f"stack {stack.name}" + (f' --parameter-overrides {CODE_BUCKET}="$bucket"' if stack.has_code else "")
