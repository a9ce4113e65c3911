"""Which version is served: the champion's pointer, the decisions that moved it, and MLflow's record of it.

In: a saved version and the reason for it. Out: the champion. Called by `training`, `forecasts`, `cli` and `web`.
"""
