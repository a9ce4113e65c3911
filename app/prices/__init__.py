"""INGEST → STORE: daily bars from Yahoo, files or the bundled sample, checked, in one table.

Enters: a symbol and what a source says of it. Leaves: a *bar frame* (`frame.BAR_SCHEMA`), sorted by (symbol, session),
split-adjusted as the source gives it, final sessions only. Owns the tables symbol, bar, bar_revision, action, event
and quarantine; `store` is the only SQL over them.
"""
