"""What location, scale and shape have in common: each is of a kind, and can be written down as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, get_args

from app.registry.components.trees import Trees


@dataclass(frozen=True)
class Component:
    """One part of a pipeline; `kind` names its class in `model.json`, which holds each of its fields."""

    kind: ClassVar[str]


def plain(value: Any) -> Any:
    """Return a dataclass as plain values, a component's kind among them; trees by name, for each set is a file."""
    if isinstance(value, Trees):
        return value.name
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if not is_dataclass(value):
        return value
    kind = {"kind": value.kind} if isinstance(value, Component) else {}
    return kind | {field.name: plain(getattr(value, field.name)) for field in fields(value)}


def trees_of(value: Any) -> Iterator[Trees]:
    """Find every set of trees inside a dataclass: what a saved model keeps in files of their own."""
    if isinstance(value, Trees):
        yield value
    elif isinstance(value, tuple) or is_dataclass(value):
        inside = value if isinstance(value, tuple) else [getattr(value, field.name) for field in fields(value)]
        for item in inside:
            yield from trees_of(item)


def component_from(part: str, union: Any, values: dict[str, Any], trees: Mapping[str, Trees]) -> Any:
    """Build one of a union's components from its plain values; raises `ValueError` for a kind that isn't known."""
    kinds = {component.kind: component for component in get_args(union)}
    if values["kind"] not in kinds:
        raise ValueError(f"{part} {values['kind']!r} is not one of {sorted(kinds)}")

    def built(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(built(name, item) for item in value)
        if isinstance(value, dict):
            return component_from(part, union, value, trees)
        return trees[value] if name == "trees" else value

    return kinds[values["kind"]](**{name: built(name, value) for name, value in values.items() if name != "kind"})
