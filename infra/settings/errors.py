"""How a deployment is refused before anything is made of it."""


class BadSettings(ValueError):
    """cdk.json holds something that cannot be deployed: one line for each wrong value, with what is needed."""
