"""A year in minutes, nobody's hand in it: `python tests/benchmarks/year.py [--yahoo PROGRAM BARS ...]`.

The real service runs with a clock that stands in a file (`NEXTCLOSE_NOW=@FILE`). Session by session the market's day,
then the clock is moved to the evening, and the service does what it does each evening: refresh, score, monitor, review
its champion, forecast. Three times something is killed with -9 while it works: the server with its job, the job, the
server alone. At the end the ledger must hold one live forecast of every symbol for every session of the year, each with
one score, and all decisions are listed.

With `--yahoo` PROGRAM is a stand-in for Yahoo that is started as `PROGRAM serve --data BARS … --ready FILE`, writes an
environment to FILE that leads the service to it, and moves its day by `POST $FAKE_YAHOO/__ctl/set {"as_of": DAY}`.
Without it, the bundled sample is the market, and the year a fortnight.

Ten US names through 2021 took 62 minutes on two cores that were busy with as much again: 252 sessions, 2,520 forecasts
and scores, 53 trainings, 53 weekly checks, three kills; the server stayed at 200 MB, and all files came to 91 MB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))
from app.core.clock import ClockFile, calendar
from app.core.settings import Settings
from tests.flow.living import Move, Outcome, Service, outcome, replay, wait

PORT = 8781
KILLS = ("server and job", "job", "server")
SAMPLE_YEAR = (date(2013, 2, 11), date(2013, 2, 28))


@contextmanager
def market(
    program: Path | None, files: Sequence[Path], events: Path | None, day: date
) -> Iterator[tuple[dict[str, str], Move]]:
    """Start the stand-in for Yahoo, if there is one; yield the environment that leads to it, and what moves its day."""
    if program is None:
        yield {}, lambda _: None
        return
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "env.json"
        told = ["--events", str(events)] if events else []
        data = [str(path) for path in files]
        command = [
            sys.executable,
            str(program),
            "serve",
            "--data",
            *data,
            *told,
            "--as-of",
            str(day),
            "--ready",
            str(ready),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            env = json.loads(wait(lambda: ready.exists() and ready.read_text(), "the stand-in for Yahoo didn't start"))
            control = f"{env['FAKE_YAHOO']}/__ctl/set"
            yield (
                env,
                lambda session: httpx.post(control, json={"as_of": str(session)}, timeout=30.0).raise_for_status(),
            )
        finally:
            process.terminate()
            process.wait()


def main() -> int:
    """Replay the year and print what came of it; 1 if a forecast or a score is missing or there twice."""
    asked = _arguments()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        first, last = (asked.first, asked.last) if asked.yahoo else SAMPLE_YEAR
        sessions = calendar().between(first, last)
        before = calendar().previous_session(first)
        settings = Settings(
            home=home / "var",
            models_dir=home / "models",
            symbols=tuple(asked.symbols.split(",")) if asked.yahoo else ("AAPL", "GOOG", "IBM", "MSFT"),
            source="yahoo" if asked.yahoo else "sample",
            now=ClockFile(home / "now"),
            _env_file=None,
        )
        with market(asked.yahoo, asked.files, asked.events, before) as (env, move):
            service = Service(settings, asked.port, env)
            service.evening(before)
            service.start()
            try:
                service.rest(before)
                print(f"first run: {time.monotonic() - begun:.0f} s, server {service.memory_mb():.0f} MB", flush=True)
                places = [sessions[len(sessions) * (number + 1) // (len(KILLS) + 1)] for number in range(len(KILLS))]
                for session in replay(service, move, sessions, dict(zip(places, KILLS, strict=True))):
                    if session == sessions[-1] or calendar().next_session(session).month != session.month:
                        print(
                            f"{session}  {time.monotonic() - begun:5.0f} s, server {service.memory_mb():.0f} MB",
                            flush=True,
                        )
                found = outcome(service.database, sessions, len(settings.symbols))
            finally:
                service.stop()
        _tell(found, len(sessions), time.monotonic() - begun, home)
    return 0 if found.is_exact else 1


def _tell(found: Outcome, sessions: int, seconds: float, home: Path) -> None:
    print(f"\n{sessions} sessions in {seconds / 60:.1f} min; killed with -9: {', '.join(KILLS)}")
    print(f"live forecasts {found.forecasts} of {found.expected}, {found.double} double")
    print(f"scores {found.scores} of {found.expected}, {found.scored_twice} double; chains intact: {found.intact}")
    print(f"ledger: {found.origins}; jobs: {found.jobs}")
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6
    print(f"on disk: {size:.0f} MB; {len(found.decisions)} decisions:")
    for what, version, previous, reason in found.decisions:
        print(f"  {what:22s} {version:18s} {previous or '-':18s} {reason[:150]}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("files", nargs="*", type=Path, help="bars, as Parquet, that the stand-in for Yahoo serves")
    parser.add_argument("--yahoo", type=Path, help="the program that stands in for Yahoo")
    parser.add_argument("--events", type=Path, help="earnings days, as Parquet or CSV")
    parser.add_argument("--symbols", default="AAPL,AMZN,IBM,JPM,KO,META,MSFT,NVDA,CVX,WMT")
    parser.add_argument("--first", type=date.fromisoformat, default=date(2021, 1, 4))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2021, 12, 31))
    parser.add_argument("--port", type=int, default=PORT)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
