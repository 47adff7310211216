"""NumPy with one thread, which suits tables as small as ours."""

from __future__ import annotations

import os
import sys

COUNTS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Variables that the libraries behind NumPy read once, when they are loaded."""


def load_numpy() -> None:
    """Imports NumPy so that it works by itself, unless it is there already or the environment says how many threads.

    Threads that share a product as small as ours wait for each other longer than they calculate: on two busy cores a
    token took 31 ms of the processor with two threads, and 1.4 with one. The environment is as it was afterwards, so
    that no program started from here is slowed down.
    """
    if "numpy" in sys.modules or any(name in os.environ for name in COUNTS):
        return
    os.environ |= dict.fromkeys(COUNTS, "1")
    try:
        import numpy  # noqa: F401 - it is the loading that counts
    finally:
        for name in COUNTS:
            del os.environ[name]
