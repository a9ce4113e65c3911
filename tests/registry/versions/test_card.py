"""A card holds figures that JSON can hold."""

from math import inf, nan

from app.registry.versions.card import Metrics, ModelCard, Score
from app.registry.versions.model import Model


def test_a_figure_that_is_not_a_number_is_not_known(model: Model) -> None:
    """A symbol whose close stood still has no ratio to the random walk; the card of all the others is written."""
    still = Score(n=1, sessions=1, mae_ratio=nan, crps_skill=-inf, crps=0.01)
    assert (still.mae_ratio, still.crps_skill, still.crps) == (None, None, 0.01)
    metrics = Metrics(overall=model.card.metrics.overall, by_symbol={"AAA": still})
    card = model.card.model_copy(update={"metrics": metrics})
    assert ModelCard.model_validate_json(card.to_json()) == card
