"""Fields of a form that a page sent, urlencoded as browsers do without a file."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request

FIELD_LIMIT = 32


async def fields(request: Request) -> dict[str, str]:
    """Return the last value of each field; the size of the body is bounded before."""
    text = (await request.body()).decode(errors="replace")
    try:
        return {name: values[-1] for name, values in parse_qs(text, max_num_fields=FIELD_LIMIT).items()}
    except ValueError:  # more fields than any form of ours has
        return {}


Fields = Annotated[dict[str, str], Depends(fields)]
"""A route's parameter of this type gets them."""
