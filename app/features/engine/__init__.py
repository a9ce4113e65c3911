"""How a feature is computed: the sorted panel, windows over it, and what a feature is.

In: a bar frame. Out: columns whose values don't depend on where the history began. Called by the families of features.
"""
