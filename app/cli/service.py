"""Commands around the service: serve, settings, status."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from app.cli.console import NONE, AsJson, open_store, print_report, table
from app.jobs import processes

MOST_CONNECTIONS = 800
"""Past so many a server process answers 503 at once; systems commonly grant a process 1,024 open files."""


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes.")] = 1,
) -> None:
    """Serve pages and API, and run the scheduler. The store is migrated first."""
    import uvicorn

    with open_store() as here:
        source = "the bundled sample" if here.settings.source == "sample" else "Yahoo"
        proxies = list(here.settings.trusted_proxies)
    # The server processes build the application themselves; the address tells them who may change state.
    os.environ["UVICORN_HOST"] = host
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"Nextclose on http://{shown}:{port} (prices from {source}; Ctrl+C stops it)", err=True)
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=processes.STOP_S,
        limit_concurrency=MOST_CONNECTIONS,
    )


def settings(*, as_json: AsJson = False) -> None:
    """Print the effective settings; secrets are masked."""
    from app.core.settings import Settings, load_settings

    effective = load_settings()
    rows = [(f"NEXTCLOSE_{name.upper()}", _shown(effective, name)) for name in Settings.model_fields]
    print_report(dict(rows), table(["setting", "value"], rows, left=2), as_json=as_json)


def _shown(effective: Any, name: str) -> Any:
    """Return a setting's effective value, with a password or token masked."""
    from app.core.settings import masked

    value = getattr(effective, name)
    if name in {"database_url", "mlflow_uri"}:
        url: str = effective.database if name == "database_url" else effective.mlflow
        return _masked(url) if "://" in url else url
    if name in {"alert_url", "smtp_url"}:
        return masked(value)
    if name == "admin_token":
        return None if value is None else "***"
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return " ".join(value) if isinstance(value, tuple) else value if value is None else str(value)


def _masked(url: str) -> str:
    """Return a URL with its passwords masked, parameters among them; only the scheme of one that can't be read."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return f"{url.partition('://')[0]}://***"
    secret = {name: "***" for name in parsed.query if "password" in name.lower()}
    return parsed.update_query_dict(secret).render_as_string(hide_password=True)


def status(*, as_json: AsJson = False) -> None:
    """Show data age, champion and its verdict, jobs, and the ledger."""
    from app.forecasts.ledger import audit, records
    from app.forecasts.prediction.forecaster import Forecaster
    from app.jobs import runs
    from app.prices import store
    from app.registry.promotion.challengers import in_shadow
    from app.registry.promotion.champion import Champion
    from app.registry.promotion.proofs import proofs_of

    with open_store() as here, here.database.read() as db:
        stored = store.statuses(db)
        champion = Champion(here.settings)
        model = champion.current()
        found: dict[str, Any] = {
            "now": here.clock.now(),
            "symbols": len(stored),
            "bars": sum(item.bars for item in stored),
            "sources": sorted({item.source for item in stored if item.source}),
            "first_session": min((item.first for item in stored if item.first), default=None),
            "last_session": max((item.last for item in stored if item.last), default=None),
            "sessions_behind": _behind(stored, here.clock.now()),
            "champion": model.card.version if model else None,
            "champion_name": model.card.name if model else None,
            "trained_through": model.card.trained_through if model else None,
            "expired": Forecaster(here.settings, here.database, here.clock, champion).expired() is not None,
            "in_shadow": [one for one in in_shadow(db) if model and one != model.card.version],
            "verdict": model.card.verdict if model else None,
            "proofs": model and proofs_of(db, [model.card.version])[model.card.version].summary(runs.is_proving(db)),
            "versions": [card.version for card in champion.versions()],
            "forecasts": records.count(db, "live"),
            "replayed": records.count(db, "replay"),
            "shadow_forecasts": records.count(db, "shadow"),
            "ledger_intact": all(chain.intact for chain in audit.verify_newer(db, here.settings.home)),
            "cluster": _cluster(here.settings.cluster),
            "jobs": [
                {"kind": run.kind, "state": run.state, "message": run.message, "started_at": run.started_at}
                for run in runs.recent(db, 5)
            ],
        }
    print_report(found, _status_lines(found), as_json=as_json)


def _cluster(address: str | None) -> str | None:
    from app.training.workers.cluster import state_of

    return state_of(address) if address else None


def _status_lines(found: dict[str, Any]) -> Iterator[str]:
    for name, value in found.items():
        if name != "jobs":
            yield f"{name.replace('_', ' '):<18}{_text(value)}"
    for job in found["jobs"]:
        yield f"{'job':<18}{job['kind']} {job['state']}, {job['started_at']:%Y-%m-%d %H:%M} UTC: {job['message']}"


def _behind(stored: list[Any], now: Any) -> int | None:
    """Return how many final sessions the symbol furthest behind lacks; the watched ones count if they have bars."""
    from app.core.clock import calendar

    known = [item for item in stored if item.last]
    watched = [item for item in known if item.watched]
    return max((calendar(item.exchange).sessions_behind(item.last, now) for item in watched or known), default=None)


def _text(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, list):
        return " ".join(value) or NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M} UTC" if hasattr(value, "hour") else str(value)
