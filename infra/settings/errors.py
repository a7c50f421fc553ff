"""How a deployment is refused before anything is made of it."""


class BadSettings(ValueError):
    """The context says something that cannot be deployed; the text names the key, the value and what is needed."""
