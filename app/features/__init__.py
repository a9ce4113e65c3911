"""FEATURES, pure: bars become scale-free numbers that were known at the close of their session.

Enters: a bar frame of all symbols. Leaves: a feature frame, one row per symbol and session, and for training its
target. Owns the list of features and their fingerprint; touches no disk, network or database.
"""
