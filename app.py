"""The CDK app: `cdk deploy --all` puts the suite into the current account and Region."""

import aws_cdk as cdk

from infra import stacks

app = cdk.App()
stacks.add_to(app)
app.synth()
