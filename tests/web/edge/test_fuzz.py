"""Whatever is sent, the answer is one of ours: a cheap share of `tests/benchmarks/fuzz.py`."""

from pydantic import SecretStr

from app.core.db import Database
from app.core.settings import Settings
from tests.benchmarks import fuzz
from tests.web.conftest import Build


async def test_nothing_that_is_sent_ends_in_500(settings: Settings, seeded: Database, build: Build) -> None:
    """Right, nearly right and nonsensical requests at every route: no 500, no inside view, no hang."""
    del seeded
    app = build(settings.model_copy(update={"admin_token": SecretStr(fuzz.TOKEN), "rate_limit": 0.0}))
    report = await fuzz.run(app, 200, seed=7)
    assert report.failures == {}
    assert {"200", "404", "405", "422"} <= set(report.statuses)
