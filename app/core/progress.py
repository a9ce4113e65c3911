"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Takes the fraction done in [0, 1] and one line on what is being done."""


def silent(fraction: float, message: str) -> None:
    """Tell nobody."""


def within(progress: Progress, start: float, end: float) -> Progress:
    """Return a `Progress` for a part of the work that runs from `start` to `end` of the whole."""

    def report(fraction: float, message: str) -> None:
        progress(start + fraction * (end - start), message)

    return report
