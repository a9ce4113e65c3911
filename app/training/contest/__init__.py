"""The contest and the backtest: all candidates over the same folds; a winner is recorded, and promoted or refused.

In: the store. Out: the table, the winner's files and card, the decision; or a Parquet file of forecasts. Called by
`jobs` and `cli`.
"""
