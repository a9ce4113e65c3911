"""Tables as CSV, for spreadsheets: no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isnan
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import TypeAdapter
from starlette.responses import Response

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Format = Annotated[
    Literal["json", "csv"], Query(alias="format", description="`csv` for the table as a file for spreadsheets")
]
OFFERED: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
"""What a route adds to its description that answers with either."""


def answer(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], name: str) -> Response:
    """Return rows as a file of that name, with a heading; what isn't known is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def table(said: object, key: str, name: str) -> Response:
    """Return one list of a JSON answer as a file: a column per field, `outer_inner` for those of objects in it.

    The columns follow from the answer's type, so that they are the same whatever the rows hold.
    """
    kind: Any = type(said)
    rows = _adapter(kind).dump_python(said, mode="json")[key]
    return answer((dict(_flat(row)) for row in rows), _columns(kind, key), name)


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@lru_cache(maxsize=64)
def _columns(kind: Any, key: str) -> tuple[str, ...]:
    schema = _adapter(kind).json_schema(mode="serialization")
    items = schema["properties"][key]["items"]
    return tuple(_names(items, schema.get("$defs", {})))


def _names(schema: Mapping[str, Any], known: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Name the leaves of a schema; of alternatives such as null, the one with fields counts."""
    for one in (schema, *schema.get("anyOf", ())):
        found = known[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        if "properties" in found:
            for name, inner in found["properties"].items():
                yield from _names(inner, known, f"{prefix}_{name}" if prefix else name)
            return
    yield prefix


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a row's leaves as `_names` does; an object without declared fields is its JSON as well."""
    for name, value in row.items():
        path = f"{prefix}_{name}" if prefix else name
        yield path, value
        if isinstance(value, Mapping):
            yield from _flat(value, path)


def _cell(value: Any) -> Any:
    """Quote a text that a spreadsheet would compute: OWASP's advice against CSV injection."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if isinstance(value, float) and isnan(value):
        return None
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
