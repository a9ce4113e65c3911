"""MONITOR: watches outcomes, features, data and jobs of what is served, and says how it stands.

Enters: settled live forecasts, bars, the champion, and how jobs ended. Leaves: a `report.Report` with the verdict
`healthy`, `watch` or `degraded`, each reason one sentence. Reads only. Called by `jobs`, which keeps it, and `cli`.
"""
