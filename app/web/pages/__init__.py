"""The HTML pages: each route computes its view once and renders the page, or for htmx the region.

In: a request. Out: HTML. Routes are included by `app.main`.
"""
