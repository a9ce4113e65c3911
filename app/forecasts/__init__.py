"""SERVE → LOG → SCORE: the champion and the latest features become a distribution, which is kept and scored.

Enters: stored bars and the champion. Leaves: forecasts (`prediction`), append-only and hash-chained, their scores when
the close arrives and the public record of them (`ledger`).
"""
