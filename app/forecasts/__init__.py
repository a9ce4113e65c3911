"""SERVE → LOG → SCORE: the champion and the latest features become a distribution, which is kept and scored.

Enters: stored bars and the champion. Leaves: forecasts (`forecaster`), append-only and hash-chained (`ledger`), their
scores when the close arrives (`scoring`), and the public record of them (`record`). Owns the tables forecast and score.
"""
