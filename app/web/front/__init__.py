"""What stands before the routes: ready answers leave at once, recent ones again, and too much is refused.

In: every request. Out: its answer, or the request passed on to the routes. Built by `app.main`.
"""
