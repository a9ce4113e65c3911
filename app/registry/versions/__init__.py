"""A model version: the pipeline that forecasts, the card that describes it, and its files on disk.

In: fitted components and their evidence. Out: a `Model`, saved and loaded with its hashes checked. Called by
`promotion`, `training` and `forecasts`.
"""
