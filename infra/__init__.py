"""The CDK stacks of the suite: one for each concern."""
