"""Conditional requests: a client that holds the content already gets 304 (RFC 9110, section 13)."""

from __future__ import annotations


def is_held(etag: str, if_none_match: str | None) -> bool:
    """Say whether the header names this content; compared weakly, as GET wants it."""
    if not if_none_match:
        return False
    held = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in held or etag.removeprefix("W/") in held
