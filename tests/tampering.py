"""How somebody who has the database, but not the program, takes the guard off an append-only table."""

from sqlalchemy import text

from app.core.db import Database


def unguard(database: Database, table: str) -> None:
    """Let the table's rows be changed."""
    drops = [f"DROP TRIGGER IF EXISTS {table}_no_{what}" for what in ("update", "delete", "replace")]
    with database.write() as db:
        for statement in drops if database.is_sqlite else [f"ALTER TABLE {table} DISABLE TRIGGER USER"]:
            db.connection().execute(text(statement))
