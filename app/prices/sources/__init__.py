"""Where bars come from: what a price source is, Yahoo, the bundled sample, and files, read but not yet stored.

In: a symbol, or a file. Out: raw bars and actions (`protocol.Fetched`), or a typed failure (`protocol.FetchFailed`).
Called by `refresh`; `yahoo` is the only module that knows yfinance.
"""
