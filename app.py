"""The CDK app: `cdk deploy --all` puts the suite into the accounts and Regions of the chosen environment."""

import sys

import aws_cdk as cdk

from infra import stacks
from infra.settings.errors import BadSettings

app = cdk.App()
try:
    stacks.add_to(app)
except BadSettings as error:
    # One line for each value that is wrong.
    sys.exit("\n".join(f"error in cdk.json's context: {line}" for line in str(error).splitlines()))
app.synth()
