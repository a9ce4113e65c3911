"""What location, scale and shape have in common: each is of a kind, and can be written down as plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, get_args


@dataclass(frozen=True)
class Component:
    """One part of a pipeline; `kind` names its class in `model.json`, which holds each of its fields."""

    kind: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the kind among them."""
        return {"kind": self.kind, **{field.name: _plain(getattr(self, field.name)) for field in fields(self)}}


def _plain(value: Any) -> Any:
    if isinstance(value, Component):
        return value.as_dict()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def component_from(part: str, union: Any, values: dict[str, Any]) -> Any:
    """Build one of a union's components from its plain values; raises `ValueError` for a kind that isn't known."""
    kinds = {component.kind: component for component in get_args(union)}
    if values["kind"] not in kinds:
        raise ValueError(f"{part} {values['kind']!r} is not one of {sorted(kinds)}")
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return kinds[given.pop("kind")](**given)
