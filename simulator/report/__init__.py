"""The report of a simulation: one self-contained HTML file that opens without a network."""

from simulator.report.page import left_out_text, page, write

__all__ = ["left_out_text", "page", "write"]
