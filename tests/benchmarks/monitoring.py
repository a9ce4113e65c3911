"""How often the watched claims are called on simulated years: undisturbed ones, and ones with wilder returns half-way.

Prints the share of undisturbed years with an alarm beside the stated rate, then for returns 1.5, 2 and 3 times as wild
from one session on: the share called within 15 sessions, the median delay, and coverage from 40 sessions on.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from app.monitoring.outcomes import FALSE_ALARMS, watch
from tests.monitoring.years import FIRST, years

UNDISTURBED, DISTURBED, CHANGE = 1000, 200, 126


def main() -> None:
    """Simulate, watch, and print the table."""
    alarms = [sum(len(claim.alarms) for claim in watch(rows)) for rows in years(UNDISTURBED, seed=7)]
    share = np.mean(np.array(alarms) > 0)
    print(f"{UNDISTURBED} undisturbed years: an alarm in {share:.1%}, stated {FALSE_ALARMS:.0%} at most")
    print("returns  within 15  median delay  80 % band  95 % band from 40 sessions on")
    for factor in (1.5, 2.0, 3.0):
        delays, after = [], []
        since = FIRST + timedelta(days=CHANGE)
        for rows in years(DISTURBED, seed=8, wild_from=CHANGE, factor=factor):
            called = [day for claim in watch(rows) for day in claim.alarms if day >= since]
            delays.append((min(called) - since).days + 1 if called else 999)
            late = rows.filter(pl.col("target_session") >= since + timedelta(days=40))
            after.append(late.select("hit_80", "hit_95").mean().row(0))
        within, (band_80, band_95) = np.mean(np.array(delays) <= 15), np.mean(after, axis=0)
        print(f"x {factor:<6} {within:>9.0%}  {np.median(delays):>12.0f}  {band_80:>9.1%}  {band_95:>9.1%}")


if __name__ == "__main__":
    main()
