"""Nextclose forecasts the next session's closing price of many stocks, and keeps score of itself.

    prices      Yahoo, files, sample  →  checked daily bars in the store
    features    bars                  →  scale-free numbers, one row per symbol and session
    training    features and targets  →  candidates judged walk-forward; the contest
    registry    the contest's winner  →  a versioned, hash-checked artefact: the champion
    forecasts   champion and features →  a distribution of the next close, kept and scored
    monitoring  scored forecasts      →  a verdict: healthy, drifting, retrain
    jobs        the scheduler that runs all of this after each close
    web, cli    what people and programs see of it

Data flows down this list; imports look only back up it. `core` is the floor and knows no room.
"""
