"""TRAIN: candidates judged walk-forward against the random walk; the contest.

Enters: a bar frame. Leaves: the contest's table, the out-of-fold forecasts behind it, and a winner to serve.
Owns folds, candidates, metrics and the proofs against leakage; it knows no MLflow, only `registry` does.
"""
