"""Small bar charts as SVG text, for what MLflow keeps of a contest; no plotting library is needed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from app.registry.components.location import LinearLocation
from app.registry.components.scale import LogLinearScale
from app.registry.versions.card import Metrics
from app.registry.versions.pipeline import Pipeline

_ROW, _LABEL, _WIDTH, _HEAD = 18, 190, 360, 34
_MOST = 25


def bars(title: str, values: Mapping[str, float], unit: str = "", rule: float | None = None) -> str:
    """Return horizontal bars from zero, one a value, with the number beside each; `rule` is drawn as a line."""
    reach = max([abs(value) for value in values.values()] + [abs(rule or 0.0), 1e-12])
    negative = any(value < 0 for value in values.values())
    zero, scale = (_LABEL + _WIDTH / 2, _WIDTH / 2 / reach) if negative else (_LABEL, _WIDTH / reach)
    height = _HEAD + _ROW * len(values) + 8
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABEL + _WIDTH + 90}" height="{height}" font-size="12" '
            'font-family="sans-serif">'
        ),
        f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(values.items()):
        top, length = _HEAD + _ROW * number, abs(value) * scale
        left = zero - length if value < 0 else zero
        lines += [
            f'<text x="{_LABEL - 8}" y="{top + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{left:.1f}" y="{top + 2}" width="{length:.1f}" height="{_ROW - 5}" fill="#4a78b0"/>',
            f'<text x="{_LABEL + _WIDTH + 8}" y="{top + 12}">{value:.4g}{escape(unit)}</text>',
        ]
    if rule is not None:
        at = zero + rule * scale
        lines.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_HEAD - 4}" y2="{height - 6}" stroke="#b04a4a"/>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def of_candidate(metrics: Metrics, pipeline: Pipeline) -> dict[str, str]:
    """Return a candidate's charts by file name: PIT, reliability, skill by fold, and what its forecast weighs."""
    step = 1.0 / max(len(metrics.pit), 1)
    below = [sum(metrics.pit[: number + 1]) for number in range(len(metrics.pit))]
    folds = {f"fold {name}": 100.0 * (score.crps_skill or 0.0) for name, score in metrics.by_fold.items()}
    made = {
        "pit.svg": bars("Outcomes by place in the forecast (PIT)", _bins(metrics.pit, step), rule=step),
        "reliability.svg": bars(
            "Share of outcomes below each level, less the level",
            {f"{step * (number + 1):.2f}": share - step * (number + 1) for number, share in enumerate(below[:-1])},
        ),
        "folds.svg": bars("CRPS skill against the random walk, by fold", folds, " %"),
    }
    weights = importance(pipeline)
    return {**made, "importance.svg": bars("Weights per standard deviation", weights)} if weights else made


def importance(pipeline: Pipeline) -> dict[str, float]:
    """Return the largest weights of what is linear: log sigma's regressors and a linear location's features."""
    found: dict[str, float] = {}
    if isinstance(scale := pipeline.base_scale, LogLinearScale):
        found |= {f"sigma: {name}": w for name, w in zip(scale.features, scale.weights, strict=True)}
    location = pipeline.location
    if isinstance(location, LinearLocation):
        found |= {f"return: {name}": w for name, w in zip(location.features, location.weights, strict=True)}
    return dict(sorted(found.items(), key=lambda item: -abs(item[1]))[:_MOST])


def _bins(shares: tuple[float, ...], step: float) -> dict[str, float]:
    return {f"{step * number:.2f} - {step * (number + 1):.2f}": share for number, share in enumerate(shares)}
