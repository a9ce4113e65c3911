"""Where bars and earnings days come from: what a source is, Yahoo, the bundled sample, and files, not yet stored.

In: a symbol, or a file. Out: raw bars and actions (`protocol.Fetched`), earnings days (`frame.REPORTED_SCHEMA`), or a
typed failure (`protocol.FetchFailed`). Called by `refresh`; only `yahoo` and `yahoo_earnings` know yfinance.
"""
