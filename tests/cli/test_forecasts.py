"""What the command line says of forecasts that were kept, and of the model behind new ones."""

import re

import pytest

from app.cli.forecasts import _used
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import records
from app.prices import store
from tests.cli.conftest import Nextclose
from tests.forecasts import small
from tests.forecasts.ledger.test_records import forecast


@pytest.mark.sqlite
def test_a_byte_changed_in_the_file_is_named_by_its_row(nextclose: Nextclose, settings: Settings) -> None:
    """`doctor ledger` says no, and which row is the first that isn't what was written."""
    assert nextclose("doctor", "ledger").code == 0
    database = Database(settings.database)
    with database.write() as db:
        store.watch(db, ["AAA"], small.NOW)
        records.append(db, [forecast(number) for number in range(3)])
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    file = settings.home / "nextclose.db"
    stored, name = file.read_bytes(), b"AAA00001v1live"
    for at in {stored.index(name), stored.rindex(name)}:  # an index has a copy
        file.write_bytes(stored[:at] + b"B" + stored[at + 1 :])
        ran = nextclose("doctor", "ledger")
        if ran.code:
            assert ran.code == 1
            assert re.search(r"^  forecast: row 2 ", ran.out, re.MULTILINE), ran.out
            break
    else:
        pytest.fail("no changed byte was found")


def test_what_speaks_against_a_forecasts_model_is_said() -> None:
    """Proofs that are owed, and a champion that learnt too long ago."""
    said = "version v1 (ridge): no point skill shown"
    assert _used(forecast(1), set()) == said
    assert _used(forecast(1), {"v1"}) == f"{said}; its proofs are still to come, and it is withdrawn if one fails"
    assert _used(forecast(200), set()) == f"{said}; it has expired: it learnt through 31 Dec 2020"
