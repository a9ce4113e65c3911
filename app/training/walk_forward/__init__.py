"""Walk-forward: each fold's models forecast the fold's sessions, and leave out-of-fold forecasts behind.

In: a dataset and its folds. Out: every candidate's forecasts, fold by fold. Called by `contest` and `proofs`.
"""
