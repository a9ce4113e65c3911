"""LOG → SCORE: the append-only, hash-chained record of every forecast and of how it came out.

Enters: forecasts as they were made (`records`), those of a first training (`replay`). Leaves: their scores when the
close arrives (`scoring`) and what these add up to (`track_record`). Owns the tables forecast and score.
"""
