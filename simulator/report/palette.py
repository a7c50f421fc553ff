"""The colours of the page and of its pictures, on a light and on a dark ground.

Those of charts are from the palette of Okabe and Ito, which people with any colour vision can tell apart, darker on the
light ground where that gives them more contrast. The page names them as CSS variables, so that it follows its reader;
a picture without a style sheet gets their values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "ground": "#ffffff",
    "text": "#1b1f24",
    "faint": "#57606a",
    "line": "#d0d7de",
    "raised": "#f6f8fa",
    "focus": "#0969da",
    "demand": "#9aa5b1",
    "ours": "#0072b2",
    "theirs": "#b85600",
    "serving": "#00805d",
    "draining": "#c27c00",
    "stopping": "#0072b2",
    "lost": "#c11b1b",
    "cpu": "#a3457b",
    "memory": "#2a7fb5",
}
DARK: Mapping[str, str] = {
    "ground": "#0d1117",
    "text": "#e6edf3",
    "faint": "#9198a1",
    "line": "#30363d",
    "raised": "#161b22",
    "focus": "#4493f8",
    "demand": "#6b7683",
    "ours": "#56b4e9",
    "theirs": "#f0923d",
    "serving": "#1fbf92",
    "draining": "#e6b400",
    "stopping": "#56a3e9",
    "lost": "#ff6b60",
    "cpu": "#cc79a7",
    "memory": "#56b4e9",
}


def colour(name: str) -> str:
    """Return the colour `name` of the palette, for the page.

    >>> colour("ours")
    'var(--ours)'
    """
    return f"var(--{name})"


def css(palette: Mapping[str, str]) -> str:
    """Return the declarations of CSS variables of a palette.

    >>> css({"ours": "#0072b2"})
    '--ours: #0072b2;'
    """
    return " ".join(f"--{name}: {value};" for name, value in palette.items())


def filled(text: str, palette: Mapping[str, str]) -> str:
    """Return a text with the values of a palette in place of its CSS variables.

    >>> filled('{"color": "var(--ours)"}', {"ours": "#0072b2"})
    '{"color": "#0072b2"}'
    """
    return re.sub(r"var\(--([a-z]+)\)", lambda found: palette[found[1]], text)
