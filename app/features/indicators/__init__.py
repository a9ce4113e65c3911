"""Features of one symbol's own bars: a file per family of indicators.

In: the panel. Out: `Feature`s. Called by `catalogue`, and by `overlay` for charts.
"""
