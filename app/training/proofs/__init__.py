"""Proofs that a user can run: no leak from the future, and no skill found where there is none.

In: the store, or a simulated market. Out: a `Proof`, held or broken. Called by `contest` and the command line.
"""
