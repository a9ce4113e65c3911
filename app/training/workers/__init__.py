"""Who does the units of a training that need nothing of each other: threads of this process, or a Dask cluster.

In: a function and what it reads. Out: what it returns, the same to the bit wherever it ran. Called by `fitting`,
`proofs` and `contest`.
"""
