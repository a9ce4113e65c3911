"""What each page shows, computed once: plain values that a template prints.

In: the service's parts. Out: a value per page or region. Called by `pages`.
"""
