"""Commands around alerts: the rules, a test, and what became of each alert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import AsJson, open_store, print_report, table
from app.core.public import counted

if TYPE_CHECKING:
    from app.web.api.alerts import Alerts, ToldAlert

alerts_app = typer.Typer(invoke_without_command=True, help="Show the alert rules; add, remove and test them.")
_KINDS = "verdict, stale, band, results or move"


@alerts_app.callback()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show where alerts go and the rules; `add`, `remove`, `test` and `history` are commands of their own."""
    if context.invoked_subcommand is not None:
        return
    found = _known(1)
    print_report({name: value for name, value in found if name != "alerts"}, _told(found), as_json=as_json)


def _known(limit: int) -> Alerts:
    from app.web.api.alerts import shown

    with open_store() as here:
        return shown(here.settings, here.database, limit)


def _told(found: Alerts) -> Iterator[str]:
    addresses = [address for address in (found.webhook, found.mail) if address]
    yield (
        f"alerts go to {' and '.join(addresses)}"
        if addresses
        else ("alerts go nowhere: set NEXTCLOSE_ALERT_URL, or NEXTCLOSE_ALERT_MAIL with NEXTCLOSE_SMTP_URL")
    )
    if found.rules:
        yield from table(("rule", "alerts when"), [(one.id, one.when) for one in found.rules], left=2)
    else:
        yield "no rules yet: `nextclose alerts add band` makes one"


@alerts_app.command()
def add(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {_KINDS}.")],
    *,
    symbol: Annotated[str | None, typer.Option(help="Only this symbol; every watched one if not given.")] = None,
    level: Annotated[str | None, typer.Option(help="Of a verdict: watch or degraded (or worse), or any.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="stale: sessions lacking; band: its level; move: a share, 0.03 for 3 %.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a rule; it is asked at the end of each cycle. What isn't given is the usual."""
    from app.core.errors import BadInput
    from app.monitoring.alerts import rules

    known = next((one for one in rules.KINDS if one == kind), None)
    if known is None:
        raise BadInput(f"{kind!r} is no kind of rule; it is {_KINDS}")
    with open_store() as here, here.database.write() as db:
        made = rules.add(db, here.clock.now(), known, symbol=symbol, level=level, threshold=threshold)
    print_report({**dict(made), "when": rules.told(made)}, [f"{made.id}  {rules.told(made)}"], as_json=as_json)


@alerts_app.command()
def remove(rule: Annotated[str, typer.Argument(metavar="ID", help="As `nextclose alerts` lists it.")]) -> None:
    """Remove a rule; its alerts stay."""
    from app.monitoring.alerts import rules

    with open_store() as here, here.database.write() as db:
        rules.remove(db, rule)
    typer.echo(f"removed {rule}")


@alerts_app.command("test")
def send_test(*, as_json: AsJson = False) -> None:
    """Send a test to every address that is set. Exit code 3 where it didn't arrive."""
    from app.monitoring.alerts.delivery import deliver, put_test

    with open_store() as here:
        made = put_test(here.settings, here.database, here.clock.now())
        deliver(here.settings, here.database)
    found = next(one for one in _known(200).alerts if one.id == made.id)
    arrived = all(way.state == "sent" for way in found.deliveries)
    print_report(found, _ways(found), as_json=as_json, exit_code=0 if arrived else 3)


@alerts_app.command()
def history(
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many alerts.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest alerts and how each delivery stands."""
    found = _known(limit).alerts
    lines = [line for one in found for line in (f"{one.created_at:%Y-%m-%d %H:%M} {one.text}", *_ways(one))]
    print_report(found, lines or ["no rule has found anything yet"], as_json=as_json)


def _ways(alert: ToldAlert) -> Iterator[str]:
    """Yield a line a delivery."""
    if not alert.deliveries:
        yield "  not sent: no address was set"
    for way in alert.deliveries:
        state = way.state.replace("_", " ")
        tried = f" after {counted(way.attempts, 'attempt')}" if way.attempts else ""
        yield f"  {way.channel}: {state}{tried}{f' ({way.error})' if way.error else ''}"
