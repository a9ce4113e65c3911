"""What each page shows, computed once: plain values that a template prints.

In: the service's services. Out: a value per page or region. Called by `pages`.
"""
