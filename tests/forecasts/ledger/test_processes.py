"""The ledger under several processes, one of which dies."""

import subprocess
import sys

from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import audit, records
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.forecaster import Forecaster

APPENDS = """
import sys
from datetime import timedelta
from app.core.db import Database
from app.forecasts.ledger import audit, records
database = Database(sys.argv[1])
with database.read() as db:
    first = records.get(db, sys.argv[2]).forecast
for day in range(1, int(sys.argv[3])):
    made = first.model_copy(update={"id": f"{sys.argv[4]}{day:05}", "as_of": first.as_of + timedelta(days=day)})
    with database.write() as db:
        records.append(db, [made])
    print(day, flush=True)
"""


def appending(settings: Settings, first: Forecast, days: int, name: str) -> "subprocess.Popen[str]":
    """Start a process that appends a forecast a day."""
    arguments = [settings.database, first.id, str(days), name]
    return subprocess.Popen([sys.executable, "-c", APPENDS, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_killed_writer_leaves_a_whole_chain(forecaster: Forecaster, settings: Settings, database: Database) -> None:
    """Laws 7 and 9: two processes append the same days and one is killed; each day stands once, in a whole chain."""
    first = forecaster.latest("AAA")
    with appending(settings, first, 100_000, "doomed") as doomed, appending(settings, first, 60, "other") as other:
        assert doomed.stdout is not None
        committed = ""
        while committed != "20\n" and doomed.poll() is None:
            committed = doomed.stdout.readline()
        doomed.kill()
        other.communicate()
    assert (committed, other.returncode) == ("20\n", 0)
    with database.read() as db:
        report, _ = audit.verify_chain(db)
        days = [entry.forecast.as_of for entry in records.page(db, limit=1000).entries]
    assert report.intact
    assert report.rows == len(days) == len(set(days)) >= 60
