"""MONITOR → RETRAIN: watches drift, coverage and loss of the served forecasts, and says what follows.

Enters: scored forecasts. Leaves: a verdict.
"""
