"""What addresses may hold: the types of the routes' parameters, and what OpenAPI says of them."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BeforeValidator, Field

# What `prices.symbols.normalise` takes: it is the one that refuses, with a code of its own.
_SYMBOL = "[A-Za-z0-9^][A-Za-z0-9.=^-]{0,19}"
_STOCK = "[A-Za-z0-9][A-Za-z0-9.=^-]{0,19}"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _day(value: Any) -> Any:
    """Refuse the numbers that Pydantic takes for seconds."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("a date is written as 2021-12-31")
    return value


Symbol = Annotated[str, Path(examples=["AAPL"], json_schema_extra={"pattern": f"^{_SYMBOL}$"})]
Stock = Annotated[str, Path(examples=["AAPL"], json_schema_extra={"pattern": f"^{_STOCK}$"})]
"""A symbol that can be watched and forecast, which a market series can't."""
StockQuery = Annotated[str, Query(examples=["AAPL"], json_schema_extra={"pattern": f"^{_STOCK}$"})]
SymbolQuery = Annotated[str | None, Query(examples=["AAPL"], json_schema_extra={"pattern": f"^({_SYMBOL})?$"})]
OptionalStock = Annotated[str | None, Query(examples=["AAPL"], json_schema_extra={"pattern": f"^({_STOCK})?$"})]
BodyStock = Annotated[str | None, Field(max_length=20, json_schema_extra={"pattern": f"^({_STOCK})?$"})]
"""A stock in a body."""
Model = Annotated[str | None, Query(max_length=40, description="A model's name or one version of it")]
Version = Annotated[str, Path(max_length=40)]
Entry = Annotated[int, Path(ge=1, le=2**53, description="The id of a bar in quarantine")]
Day = Annotated[date, BeforeValidator(_day)]
Start = Annotated[Day | None, Query(description="First session, as 2021-12-31")]
End = Annotated[Day | None, Query(description="Last session")]
Cursor = Annotated[str | None, Query(pattern="^[0-9]{1,18}$", description="What the page before gave")]
