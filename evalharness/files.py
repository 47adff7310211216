"""Files that people name: where they may lie, how their bytes become text, and what is said where that fails."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from evalharness.errors import Fault, Faults

MOST_BYTES = 10_000_000
CONFIGS = ("evalharness.toml", "pyproject.toml")


def quoted(text: str) -> str:
    """Text as a message shows it: one line of at most 60 characters, those that cannot be seen as escapes."""
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return f"'{shown}'"


def read_text(path: Path, called: str) -> str:
    """The text of a UTF-8 file of at most 10 MB; `Faults` where it is missing, longer or in another encoding.

    called: how messages name it.
    """
    try:
        with path.open("rb") as file:
            found = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Faults([unreadable(path, called, error)]) from None
    if len(found) > MOST_BYTES:
        hint = "cases by the thousand belong in a data file: `each: rows.jsonl`"
        raise Faults([Fault(called, 0, 0, "this file is longer than 10 MB", hint)])
    return decoded(found, called)


def unreadable(path: Path, called: str, error: Exception) -> Fault:
    """Why a file cannot be opened, and the file that was probably meant."""
    if isinstance(error, FileNotFoundError):
        try:
            beside = {found.stem: found.name for found in path.parent.iterdir() if found.suffix == path.suffix}
        except OSError:
            beside = {}
        near = difflib.get_close_matches(path.stem, list(beside)[:1000], n=1, cutoff=0.7)
        return Fault(called, 0, 0, "there is no such file", f"did you mean '{beside[near[0]]}'?" if near else "")
    if isinstance(error, IsADirectoryError):
        return Fault(called, 0, 0, "this is a folder, not a file")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Fault(called, 0, 0, f"this file cannot be read: {reason[:1].lower()}{reason[1:]}")


def decoded(found: bytes, called: str, line: int = 1) -> str:
    """UTF-8 bytes as text; line: where they begin in their file, whose byte order mark is left out.

    Raises `Faults` with line and column for bytes of another encoding, and for a NUL, which no text holds.
    """
    if line == 1 and found.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Faults([Fault(called, 1, 1, "this file is UTF-16", "save it as UTF-8")])
    try:
        text = found.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        before = found[: error.start].decode("utf-8", "replace")
        what = f"byte 0x{found[error.start]:02x} is not UTF-8"
        hint = "save the file as UTF-8; it may be in latin-1 or another older encoding"
        raise Faults([Fault(called, *_place(before, line), what, hint)]) from None
    if "\0" in text:
        what, hint = "there is a NUL character here", "save the file as UTF-8; it may be UTF-16, or no text at all"
        raise Faults([Fault(called, *_place(text[: text.index("\0")], line), what, hint)])
    return text


def _place(before: str, line: int) -> tuple[int, int]:
    return line + before.count("\n"), len(before) - before.rfind("\n")


def project(file: Path) -> Path:
    """The folder of the project a file belongs to: the nearest one above it that holds a config, else its own."""
    folder = file.absolute().parent
    for above in (folder, *folder.parents):
        if any((above / config).is_file() for config in CONFIGS):
            return above
    return folder


def locate(named: str, beside: Path) -> Path:
    """The file that a text in the file `beside` names: relative to its folder, and inside its project.

    Raises ValueError, with what is wrong as its message, for an absolute path and for one that leaves the project,
    be it by `..` or by a symbolic link.
    """
    if "\0" in named:
        raise ValueError("a file name holds no NUL character")
    path = Path(named)
    if path.is_absolute():
        raise ValueError("a file is named relative to the suite's folder, not by an absolute path")
    whole = beside.absolute().parent / path
    root = project(beside)
    try:
        inside = whole.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:
        raise ValueError(f"this file name cannot be followed: {error}") from None
    if not inside:
        raise ValueError("this file lies outside the project")
    if whole.is_symlink() and not whole.exists():
        raise ValueError("this file name cannot be followed: the link leads nowhere")
    if whole.exists() and not (whole.is_file() or whole.is_dir()):
        raise ValueError("this is no regular file")
    return whole


def shown_path(path: str) -> str:
    """A path as others may see it: from the current folder, or of one that lies elsewhere its name only."""
    if not os.path.isabs(path):
        return path
    try:
        near = os.path.relpath(path)
    except (OSError, ValueError):  # the current folder is gone
        near = os.pardir
    return os.path.basename(path) if near.split(os.sep)[0] == os.pardir else near
