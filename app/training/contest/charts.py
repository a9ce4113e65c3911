"""Small bar charts as SVG text, for what MLflow keeps of a contest; no plotting library is needed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from app.registry.versions.card import Metrics
from app.registry.versions.importance import importance
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
    ranked = sorted(importance(pipeline), key=lambda one: -abs(one.value))
    weights = {f"{one.part}: {one.feature}": one.value for one in ranked if one.kind in {"weight", "per unit"}}
    weights = dict(list(weights.items())[:_MOST])
    return {**made, "importance.svg": bars("Weights per standard deviation", weights)} if weights else made


def _bins(shares: tuple[float, ...], step: float) -> dict[str, float]:
    return {f"{step * number:.2f} - {step * (number + 1):.2f}": share for number, share in enumerate(shares)}
