"""Vega-Lite, as the package vl-convert-python ships it: charts are compiled, drawn and shown without Node.

The package is imported where it is needed: the extra `simulate` brings it, and a command that draws nothing has none.
"""

from __future__ import annotations

from functools import cache

from simulator.report.marks import Spec


def compiled(chart: Spec) -> Spec:
    """Return a chart in Vega-Lite as Vega, so that the page that shows it has less to do."""
    import vl_convert

    found: Spec = vl_convert.vegalite_to_vega(chart)
    return found


def svg(chart: Spec) -> str:
    """Return a chart in Vega-Lite as an SVG document."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(chart)
    return drawn


@cache
def library() -> str:
    """Return the JavaScript that draws compiled charts. It defines `window.vegaEmbed`, and no other name."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"(function () {{{bundle}}})();"
