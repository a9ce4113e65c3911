"""The story tests use the command line as the command tests do."""

from tests.cli.conftest import nextclose

__all__ = ["nextclose"]
