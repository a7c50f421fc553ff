"""How the simulated account refuses a call."""


class AwsError(Exception):
    """An error answer of an AWS API: its code as clients see it, and its message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def throttled(action: str) -> AwsError:
    return AwsError("ThrottlingException", f"Rate exceeded ({action})")
