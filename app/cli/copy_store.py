"""The command that moves a store: copy-store."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, open_store, print_report, progress_bar, table
from app.core.public import counted

if TYPE_CHECKING:
    from app.core.bulk import TableCopy


def copy_store(
    to: Annotated[str, typer.Option("--to", metavar="URL", help="Where to: postgresql://… or sqlite:///…, empty.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Copy the whole store into an empty one, verified row by row. What serves or refreshes should be stopped."""
    # All rooms' tables have to be known.
    import app.forecasts.ledger.tables
    import app.jobs.tables
    import app.monitoring.alerts.tables
    import app.registry.promotion.tables  # noqa: F401
    from app.core import bulk
    from app.core.db import Database, migrate
    from app.core.errors import CheckFailed
    from app.forecasts.ledger import audit

    with open_store() as here, progress_bar() as progress:
        target = Database(to, "--to")
        try:
            migrate(target)
            before = here.database.commits.count()
            copied = bulk.copy_store(here.database, target, progress)
            changed = here.database.commits.count() != before
            with target.read() as db:
                chains = audit.verify_chain(db)
        finally:
            target.dispose()
        where = target.url.render_as_string(hide_password=True)
    if broken := [chain.broken for chain in chains if chain.broken]:
        raise CheckFailed(f"every row was copied as it is, and the ledger's chain doesn't hold: {broken[0]}")
    print_report(_document(copied, where, changed), _lines(copied, where, changed=changed), as_json=as_json)


def _document(copied: list[TableCopy], where: str, changed: Any) -> dict[str, Any]:
    rows = sum(one.rows for one in copied)
    return {"to": where, "rows": rows, "changed_meanwhile": changed, "tables": [asdict(one) for one in copied]}


def _lines(copied: list[TableCopy], where: str, *, changed: bool) -> list[str]:
    lines = [*table(["table", "rows", "sha256"], [[one.table, f"{one.rows:,}", one.sha256[:16]] for one in copied])]
    lines += [
        "",
        f"{counted(sum(one.rows for one in copied), 'row')} in {where}, each read back alike; the ledger's chains hold",
    ]
    if changed:
        lines.append("the store was written to meanwhile: stop what serves it, and copy again into an empty one")
    return lines
