"""Windows over the rows of each symbol whose values can't know where the history began.

Every function takes and gives a matrix of one symbol a row and one bar a column, oldest first. A running sum, as data
frames and TA-Lib keep it, carries rounding from the first bar on: the same window gets other bits when more history
stands before it. Here each window is summed afresh from partial sums of 1, 2, 4 ... bars (the sum over 2w bars is
the sum over w bars plus the same w bars ago), in log2(w) passes over whole matrices, so that a value depends on its
window only. Rows before the first full window hold the value over what there is; features mask them.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def lag(x: Matrix, rows: int, before: float = np.nan) -> Matrix:
    """Return the value `rows` bars ago, and `before` where there is none."""
    if rows == 0:
        return x
    out = np.empty_like(x)
    out[:, :rows] = before
    out[:, rows:] = x[:, :-rows]
    return out


def change(x: Matrix) -> Matrix:
    """Return the difference to the bar before; 0 at the first."""
    return np.diff(x, axis=1, prepend=x[:, :1])


def plus(x: Matrix, y: Matrix, rows: int, factor: float = 1.0) -> Matrix:
    """Return x + factor * (y, `rows` bars ago), where y has that bar, else x."""
    if rows >= x.shape[1]:
        return x
    out = np.empty_like(x)
    out[:, :rows] = x[:, :rows]
    later, earlier = out[:, rows:], y[:, :-rows]
    if factor != 1.0:
        earlier = np.multiply(earlier, factor, out=later)
    np.add(x[:, rows:], earlier, out=later)
    return out


class Sums:
    """Sums of one series over windows of any length, each value times `decay` to the power of the bars since.

    The partial sums are made once and shared.
    """

    def __init__(self, x: Matrix, decay: float = 1.0) -> None:
        self.parts = [x]
        self.decay = decay

    def part(self, level: int) -> Matrix:
        """Return the sum over the last 2**level bars."""
        while len(self.parts) <= level:
            last, size = self.parts[-1], 1 << (len(self.parts) - 1)
            self.parts.append(plus(last, last, size, self.decay**size))
        return self.parts[level]

    def over(self, window: int) -> Matrix:
        """Return the sum over the last `window` bars."""
        out: Matrix | None = None
        done = 0
        for level in range(window.bit_length()):
            if window >> level & 1:
                part = self.part(level)
                out = part if out is None else plus(out, part, done, self.decay**done)
                done += 1 << level
        return out  # type: ignore[return-value]  # window >= 1, so one part at least was taken

    def mean(self, window: int, start: int = 0) -> Matrix:
        """Return the mean over the last `window` bars, of those there are from the symbol's bar `start` on."""
        average: Matrix = self.over(window) / counts(self.parts[0].shape[1], window, start)
        return average


def counts(rows: int, window: int, start: int = 0) -> Matrix:
    """Return, for each row, how many bars of the window there are from bar `start` on (at least 1)."""
    there: Matrix = np.clip(np.arange(1.0 - start, rows + 1.0 - start), 1.0, float(window))
    return there


def highest(x: Matrix, window: int) -> Matrix:
    """Return the largest value of the last `window` bars: two overlapping windows of a power of two."""
    size = 1
    while size < window:
        step = min(size, window - size)
        if step < x.shape[1]:
            larger = x.copy()
            np.maximum(x[:, step:], x[:, :-step], out=larger[:, step:])
            x = larger
        size += step
    return x


def lowest(x: Matrix, window: int) -> Matrix:
    """Return the smallest value of the last `window` bars."""
    return -highest(-x, window)


def memory(decay: float, precision: float = 1e-12) -> int:
    """Return after how many bars a weight has fallen below `precision`, rounded up to a multiple of 32."""
    return 32 * ceil(log(precision) / log(decay) / 32)


def weighted(x: Matrix, decay: float, window: int) -> Matrix:
    """Return the sum of decay**k times the value k bars ago, over the last `window` bars."""
    return Sums(x, decay).over(window)


def smoothed(x: Matrix, decay: float, window: int | None = None, start: int = 0, part: Matrix | None = None) -> Matrix:
    """Return the exponentially weighted mean over the last `window` bars (default: `memory(decay)`).

    The weights decay**k are divided by their sum over the bars there are from `start` on, so that it is a true mean
    from the first bar on. A recursion with an endless memory (TA-Lib's, pandas' adjust=False) is approached to the
    weight that is cut, once that of its seed has died away. `part` is the weighted sum where it is known already.
    """
    window = window or memory(decay)
    summed = weighted(x, decay, window) if part is None else part
    average: Matrix = summed / _weights(decay, window, start, x.shape[1])
    return average


@lru_cache(maxsize=256)
def _weights(decay: float, window: int, start: int, rows: int) -> Matrix:
    """Return, for each row, the sum of the weights of the bars from `start` on; 1 before."""
    sums = [1.0, *((1.0 - decay**n) / (1.0 - decay) for n in range(1, window + 1))]
    return np.array([sums[min(max(row + 1 - start, 0), window)] for row in range(rows)])
