"""Alembic's environment: the tables of all rooms, on the URL that the caller or the settings give."""

from alembic import context
from sqlmodel import SQLModel

import app.forecasts.ledger.tables
import app.jobs.tables
import app.monitoring.alerts.tables
import app.prices.store.tables
import app.registry.promotion.tables  # noqa: F401 - imported so that the metadata is whole
from app.core import postgres
from app.core.db import Database
from app.core.settings import load_settings


def run() -> None:
    """Run the migrations in one transaction."""
    url = context.config.attributes.get("url") or load_settings().database
    database = Database(url)
    try:
        with database.write() as db:
            if not database.is_sqlite:  # a large table takes longer to change than a query may
                postgres.take_time(db.connection())
            context.configure(
                connection=db.connection(),
                target_metadata=SQLModel.metadata,
                render_as_batch=True,
                transactional_ddl=True,
            )
            context.run_migrations()
    finally:
        database.dispose()


run()
