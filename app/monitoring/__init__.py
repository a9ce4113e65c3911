"""MONITOR → RETRAIN: watches outcomes, features, data and jobs of what is served, and who should forecast instead.

Enters: settled forecasts, live and in shadow, bars, the champion, and how jobs ended. Leaves: a `report.Report` with
the verdict `healthy`, `watch` or `degraded`, each reason one sentence; and a `review.Review` of what was decided on it:
promotion, rollback, retirement, training. Called by `jobs`, which keeps both, and `cli`.
"""
