"""Features of a session: what all symbols did together, ranks among them, the calendar, the rhythm of earnings.

In: the panel, and features of single symbols. Out: `Feature`s. Called by `catalogue` and `frame`.
"""
