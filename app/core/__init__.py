"""The floor: settings, errors, clock, database, log. It knows no room above it.

Enters: environment variables and the system's clock. Leaves: one `Settings`, one `Clock`, one `Database`, and the
error tree that both renderers (JSON and HTML) and the command line read.
"""
