"""The report of a simulation: one self-contained HTML file that opens without a network; and a picture of it."""

from simulator.report.page import chart_page, left_out_text, page, prepare, write
from simulator.report.picture import draw

__all__ = ["chart_page", "draw", "left_out_text", "page", "prepare", "write"]
