"""What a version makes of each feature: weights where it is linear, what splits gained where trees grew.

Nothing is fitted or forecast for it: both stand in the artefact. A `weight` is per standard deviation of its feature,
of log sigma or of the return's unit, and `per unit` of one that the model takes as it is, as days of results are: such
weights look large for what is 0 on most days. A `gain` is the training loss that splits on the feature saved (Breiman
1984), where the trees' own library wrote it down; else `splits` counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.registry.components.component import Component
from app.registry.components.location import SumLocation, TreeLocation
from app.registry.components.scale import CorrectedScale, LinearComponent, LogLinearScale
from app.registry.components.trees import Trees
from app.registry.versions.pipeline import Pipeline

Kind = Literal["weight", "per unit", "gain", "splits"]
OWN = "(own level)"
"""What trees read last: the symbol's own level, which is no feature."""


@dataclass(frozen=True)
class Importance:
    """One feature in one part of a version; `share` is its size over that of all features of the part."""

    part: str
    feature: str
    kind: Kind
    value: float
    share: float = 0.0


def importance(pipeline: Pipeline) -> tuple[Importance, ...]:
    """Return the features of each part, the largest share first; none for a part that reads none."""
    scale = pipeline.scale
    found = list(_parts("scale", pipeline.base_scale))
    if isinstance(scale, CorrectedScale):
        found += [list(_grown(f"scale: {one.name}", one, scale.reads)) for one in scale.trees]
    found += _parts("location", pipeline.location) if pipeline.shrinkage else []
    return tuple(one for part in found for one in _ranked(part))


def _parts(name: str, component: Component) -> Iterator[list[Importance]]:
    if isinstance(component, LinearComponent):
        weights = dict(zip(component.features, component.weights, strict=True))
        if isinstance(component, LogLinearScale) and component.offset in weights:
            # log sigma follows the offset one for one, besides what its weight says
            weights[component.offset] += component.spread[component.features.index(component.offset)]
        as_it_is = {
            one
            for one, mean, spread in zip(component.features, component.mean, component.spread, strict=True)
            if (mean, spread) == (0.0, 1.0)
        }
        yield [
            Importance(name, feature, "per unit" if feature in as_it_is else "weight", weight)
            for feature, weight in weights.items()
        ]
    elif isinstance(component, TreeLocation):
        yield list(_grown(name, component.trees, component.features))
    elif isinstance(component, SumLocation):
        for part, weight in zip(component.parts, component.weights, strict=True):
            if weight:
                yield from _parts(f"{name}: {part.kind}", part)


def _grown(name: str, trees: Trees, features: tuple[str, ...]) -> Iterator[Importance]:
    """Yield what each feature's splits gained, over all trees of one set."""
    parsed: dict[str, Any] = json.loads(trees.source)
    grown = parsed["learner"]["gradient_booster"]["model"]["trees"] if "learner" in parsed else parsed["trees"]
    kind: Kind = "gain" if all("loss_changes" in tree for tree in grown) else "splits"
    sums = dict.fromkeys((*features, OWN), 0.0)
    names = tuple(sums)
    for tree in grown:
        sizes = tree.get("loss_changes") or [1.0] * len(tree["left_children"])
        for feature, left, size in zip(tree["split_indices"], tree["left_children"], sizes, strict=True):
            if left >= 0:
                sums[names[int(feature)]] += float(size)
    for feature, value in sums.items():
        yield Importance(name, feature, kind, value)


def _ranked(part: list[Importance]) -> list[Importance]:
    whole = sum(abs(one.value) for one in part)
    shares = [replace(one, share=abs(one.value) / whole if whole else 0.0) for one in part if one.value]
    return sorted(shares, key=lambda one: (-one.share, one.feature))
