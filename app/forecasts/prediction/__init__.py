"""SERVE: the champion and the latest features become a distribution (`predict`), which goes into the ledger.

Enters: stored bars, events and the champion. Leaves: the served forecast (`forecaster`), what stands beside it
(`situation`) and the proof that a stored one can be made again (`rebuild`).
"""
