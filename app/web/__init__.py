"""PAGES and API: what people and programs see. Routes compute once and render a page, a region of it, or JSON.

Owns routes, schemas, templates' context, figures, and who may change state.
"""
