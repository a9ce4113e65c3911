"""How prices and earnings days get into the store and stay current: refresh, first run, look-up, import, full check.

In: a source or a file. Out: one transaction a symbol, and a report of how it ended. Called by `jobs`, `cli` and `web`.
"""
