"""Drift: in what an instance differs from those that its pool launches today."""

from enum import StrEnum


class Drift(StrEnum):
    """Why an instance is to be renewed. If several hold, the first of them in this order is named."""

    IMAGE = "image"
    TEMPLATE = "launch template"
    TYPE = "type"
    AGE = "age"
