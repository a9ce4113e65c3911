"""Charts are text: each value has its bar, and names can't break out of it."""

from xml.etree import ElementTree as ET

from app.training.contest import charts
from tests.training.walked import Walked

SVG = "{http://www.w3.org/2000/svg}"


def test_each_value_has_a_bar_as_long_as_it_is_large() -> None:
    """Half as large, half as long; a negative one hangs to the left of zero."""
    root = ET.fromstring(charts.bars("a < b", {"x & y": 2.0, "z": -1.0}, rule=0.5))  # noqa: S314 - our own text
    boxes = root.findall(f"{SVG}rect")
    assert [float(box.get("width", "")) for box in boxes] == [180.0, 90.0]
    assert float(boxes[1].get("x", "")) == float(boxes[0].get("x", "")) - 90.0
    assert len(root.findall(f"{SVG}line")) == 1


def test_every_candidate_has_its_charts(walked: Walked) -> None:
    """PIT, reliability and folds for all; weights where something is linear."""
    for name in walked.evaluator.names:
        made = charts.of_candidate(walked.evaluator.metrics(name), walked.walk.fitted[name])
        assert {"pit.svg", "reliability.svg", "folds.svg"} <= set(made)
        assert ("importance.svg" in made) == (name not in {"random_walk", "drift", "ewma"})
