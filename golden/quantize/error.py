"""What quantization loses: its error as a ratio of signal to noise."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["error_db"]


def error_db(exact: ArrayLike, seen: ArrayLike) -> float:
    """Signal to quantization noise in dB: ``10 log10(sum exact^2 / sum (exact - seen)^2)``.

    >>> round(error_db(np.float32([1.0, 2.0]), np.float32([1.0, 1.9])), 2)
    26.99
    """
    x, y = np.asarray(exact, np.float64), np.asarray(seen, np.float64)
    noise = ((x - y) ** 2).sum()
    return float("inf") if noise == 0 else float(10 * np.log10((x**2).sum() / noise))
