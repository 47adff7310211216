"""Which questions are being asked right now, by this process or another on this machine: a lock on one byte each.

The kernel holds the locks, so those of a process that died are free at once, and nothing is left to clean up.
"""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - a system without record locks
    fcntl = None  # type: ignore[assignment]  # every use asks first whether it is there

SPAN = 2**62
"""Places in the lock file; two questions that share one wait for each other, which costs time, never an answer."""


class Leases:
    """The claims of this process. Where the system or the file system has no such locks, every claim is granted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._off = fcntl is None

    def claim(self, key: str) -> bool:
        """Whether this process may ask the question with that key; False while another process asks it."""
        if self._file is None and not self._off:
            self._file = self._open()
        if self._file is None:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place(key))
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            self._off = True
            self.close()
        return True

    def release(self, key: str) -> None:
        """Lets others ask; called once the answer is on disk, or was given up."""
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place(key))

    def close(self) -> None:
        """Gives up every claim."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int | None:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:  # read-only, or a link somebody planted: go on without
            self._off = True
            return None


def place(key: str) -> int:
    """Where in the file a key's byte is."""
    return int(key[:16], 16) % SPAN
