"""How forecasts are judged: metrics with intervals, rankings, tests of coverage, and the gate before a promotion.

In: out-of-fold forecasts and what came of them. Out: scores, a verdict, a comparison. Called by `contest` and `proofs`.
"""
