"""The JSON API: routes, their schemas, and how the rooms' values are written.

In: a request. Out: JSON. Routes are included by `app.main`; pages call what changes state.
"""
