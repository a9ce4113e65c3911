"""REGISTRY: versioned models, safe on disk, traceable in MLflow; one of them is the champion.

Enters: a fitted model and the evidence for it. Leaves: the champion as an object that turns features into a
distribution. Owns `trained_models/`, the table decision, and every call to MLflow.
"""
