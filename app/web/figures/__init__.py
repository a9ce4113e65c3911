"""Figures and drawings: frames become plain dicts for the chart library, or geometry for inline SVG. Pure.

In: frames and numbers. Out: dicts and shapes. Called by `views`.
"""
