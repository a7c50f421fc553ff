"""The error that refuses a deployment before anything is synthesized."""


class BadSettings(ValueError):
    """cdk.json holds something that cannot be deployed: one line for each wrong value, with what is needed."""
