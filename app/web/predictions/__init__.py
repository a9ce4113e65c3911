"""Predictions as they are answered: their JSON, ready before it is asked for, and what lists of symbols show of them.

In: forecasts and what stands beside them. Out: ready answers (`answers`), their schemas, and a line per symbol
(`outlook`). The API, the views and the layer in front of both call it.
"""
