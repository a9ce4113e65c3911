"""Build the service: lifespan, routers, error renderers; the only place that wires the rooms together."""
