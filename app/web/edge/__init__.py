"""The edge of the service: dependencies, security, errors, static files, rendering.

In: a request. Out: who may do it, and how an answer or an error is written. Called by every other part of the room.
"""
