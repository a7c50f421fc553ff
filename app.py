"""The CDK app: `cdk deploy --all` puts the suite into the accounts and Regions of the chosen environment."""

import sys

import aws_cdk as cdk

from infra import stacks
from infra.settings.errors import BadSettings
from steady.thresholds import BadThreshold

app = cdk.App()
try:
    stacks.add_to(app)
except (BadSettings, BadThreshold) as error:
    sys.exit(f"error: {error}")
app.synth()
