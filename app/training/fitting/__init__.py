"""Fits: scale, location, trust and shape, each from rows that were known at a fold's start.

In: a dataset and a fold. Out: fitted components of `registry`. Called by `walk_forward`.
"""
