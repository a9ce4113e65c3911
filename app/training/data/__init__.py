"""What is learnt from: the dataset of features and targets, its folds, the candidates, and simulated markets.

In: a bar frame. Out: a `Dataset` and its folds. Called by everything else in this room.
"""
