"""A program as a model: it reads one question as JSON and prints the reply."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, get_args

from evalharness.config import Arm
from evalharness.errors import Fault, Faults, ModelFailed
from evalharness.escape import one_line, terminal
from evalharness.models.base import LARGEST, Model, model, only_chats
from evalharness.records import ModelRef, Outcome, Request, Response, Usage, encode
from evalharness.secrecy import Secrets

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from asyncio.subprocess import Process

LAST_WORDS = 4096
"""Bytes of stderr that are kept: the end, where programs say why they gave up."""

Said: TypeAlias = dict[str, object]


@model("command")
class Command(Model):
    """`command:PROGRAM ARGUMENTS`: started once a question, in the config's folder, without a shell.

    It reads `{"messages": [...], "params": {...}, "sample": 0, "case": "...", "turn": 1}` from its input and prints the
    reply: plain text, less one line end, or `{"text": ...}`, where `outcome` and `usage` may stand beside the text.
    An exit status other than 0 is a failure, told by the last line of its error output, and not tried again; nor is a
    program that did not end in time.
    """

    retries_timeouts = False

    def __init__(self, arm: Arm) -> None:
        super().__init__(arm)
        try:
            self._words = shlex.split(arm.ref.target)
        except ValueError as error:
            raise Faults([arm.fault(f"the command cannot be split into words: {str(error).lower()}")]) from None
        if not self._words or "\0" in arm.ref.target:
            raise Faults(
                [arm.fault("the command is empty, or holds a NUL character", "for example command:python answer.py")]
            )
        self._ref = replace(arm.ref, digest=_digest(arm.folder, self._words))
        self._secrets = Secrets(value for name, value in os.environ.items() if name.upper().endswith(SECRET))

    @property
    def ref(self) -> ModelRef:
        """The arm with the digest of the files its command names, so that an edited program is another model."""
        return self._ref

    @property
    def at_once(self) -> int:
        """What the arm says, else a program a processor, at most eight."""
        return self.arm.at_once or min(8, os.cpu_count() or 1)

    def faults(self, requests: Iterable[Request]) -> tuple[Fault, ...]:
        """A program that is not there."""
        if not any(True for _ in requests) or _program(self._words[0], self.arm.folder):
            return ()
        hint = "it is looked for on the PATH, or, with a slash in its name, from the folder of the config"
        return (self.arm.fault(f"there is no program '{self._words[0]}'", hint),)

    async def fetch(self, request: Request) -> str:
        """What the program printed; `ModelFailed` where it gave up, printed no text, or took too long."""
        import asyncio

        only_chats(request)
        program = _program(self._words[0], self.arm.folder) or self._words[0]
        pipe = asyncio.subprocess.PIPE
        try:
            # A session of its own, so that one kill reaches whatever the program has started.
            process = await asyncio.create_subprocess_exec(
                program,
                *self._words[1:],
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                cwd=self.arm.folder,
                start_new_session=True,
            )
        except OSError as error:
            self._fail("unreachable", f"'{self._words[0]}' cannot be started: {error.strerror}", stops="model")
        try:
            async with asyncio.timeout(self.arm.seconds):
                printed, complaints = await _talk(process, _question(request))
        except TimeoutError:
            self._fail("timeout", f"'{self._words[0]}' did not end within {self.arm.seconds:g} s and was stopped")
        finally:
            await _end(process)
        if len(printed) > LARGEST:
            self._fail("invalid", f"'{self._words[0]}' printed more than {LARGEST >> 20} MiB")
        if process.returncode:
            said = _last_line(complaints)
            self._fail("server", f"'{self._words[0]}' ended with status {process.returncode}: {said}")
        try:
            return self._secrets.hide(printed.decode())
        except UnicodeDecodeError as error:
            self._fail("invalid", f"'{self._words[0]}' printed what is not UTF-8: {error.reason} at byte {error.start}")

    def read(self, text: str) -> Response:
        """The reply: the object the program printed, if it is one with a `text`, else all of the text."""
        said = _object(text)
        if said is None:
            reply = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
            return Response(reply, "answered" if reply.strip() else "empty")
        reply = str(said["text"])
        outcome = said.get("outcome", "answered" if reply.strip() else "empty")
        known: tuple[Outcome, ...] = get_args(Outcome)
        found = next((name for name in known if name == outcome), None)
        if found is None:
            self._fail("invalid", f"the outcome {outcome!r:.40} is none of {', '.join(known)}")
        return Response(reply, found, self._usage(said.get("usage")))

    def _usage(self, said: object) -> Usage:
        counts = said if isinstance(said, dict) else {}
        tokens = [counts.get(name, 0) for name in ("tokens_in", "tokens_out")]
        whole = [count for count in tokens if type(count) is int and 0 <= count < 2**53]
        if not isinstance(said, dict | None) or len(whole) < 2:
            self._fail("invalid", f'the usage {said!r:.60} is not {{"tokens_in": N, "tokens_out": N}}')
        return Usage(*whole)

    def _fail(self, kind: str, what: str, *, stops: Literal["", "model"] = "") -> NoReturn:
        raise ModelFailed(kind, self._secrets.hide(what), stops=stops) from None


SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")
"""How the names of variables end whose values reach no message and no answer."""


def _program(word: str, folder: Path) -> str | None:
    """Where the program is. `python` is the running one where the PATH has none of that name."""
    found = shutil.which(folder.absolute() / word if os.sep in word else word)
    return found or (sys.executable if word in ("python", "python3") else None)


def _digest(folder: Path, words: list[str]) -> str:
    """Names the content of every file that the command's words name; empty where they name none."""
    digest = hashlib.sha256()
    files = 0
    for place, word in enumerate(words):
        path = folder / word
        try:
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                with path.open("rb") as file:
                    digest.update(f"{place} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
                files += 1
        except (OSError, ValueError):
            continue
    return digest.hexdigest() if files else ""


def _question(request: Request) -> bytes:
    origin = request.origin
    asked: Said = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "params": request.params,
        "sample": request.sample,
        "case": origin.case if origin else "",
        "turn": origin.turn if origin else 0,
    }
    return encode(asked).encode("ascii") + b"\n"


async def _talk(process: Process, question: bytes) -> tuple[bytes, bytes]:
    """Hands the question in and reads until both outputs are closed and the program has ended."""
    import asyncio

    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_hand_in(process.stdin, question))
        printed = tasks.create_task(_printed(process.stdout, process))
        complaints = tasks.create_task(_last_words(process.stderr))
        tasks.create_task(process.wait())
    return printed.result(), complaints.result()


async def _hand_in(stream: StreamWriter, question: bytes) -> None:
    """A program need not read its question: what it leaves unread is no fault."""
    try:
        stream.write(question)
        await stream.drain()
        stream.close()
        await stream.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass


async def _printed(stream: StreamReader, process: Process) -> bytes:
    """All of it; a program that prints more than the limit is stopped there, and what came is longer than it."""
    chunks: list[bytes] = []
    size = 0
    while size <= LARGEST and (chunk := await stream.read(2**16)):
        chunks.append(chunk)
        size += len(chunk)
    if size > LARGEST:
        _kill(process)
        # What is left is read, too: asyncio sees the end of a program only when its pipes are empty.
        while await stream.read(2**16):
            pass
    return b"".join(chunks)


async def _last_words(stream: StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(2**16):
        kept = (kept + chunk)[-LAST_WORDS:]
    return kept


async def _end(process: Process) -> None:
    """Stops what still runs and waits until its pipes are closed; a second at most, for whoever left the group may hold
    them. Nothing is left to do after a program that ended by itself."""
    import asyncio

    assert process.stdout is not None
    assert process.stderr is not None
    if process.returncode is None or not (process.stdout.at_eof() and process.stderr.at_eof()):
        _kill(process)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await process.wait()
            await process.stdout.read()
            await process.stderr.read()


def _kill(process: Process) -> None:
    """Ends the program and all it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _last_line(complaints: bytes) -> str:
    lines = [line for line in complaints.decode("utf-8", "replace").split("\n") if line.strip()]
    return terminal(one_line(lines[-1], 160)) if lines else "it said nothing about why"


def _object(text: str) -> Said | None:
    """The object a program printed in place of plain text: one with a `text`, and with nothing that is not ours."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(said, dict) and isinstance(said.get("text"), str) and said.keys() <= {"text", "outcome", "usage"}
    return said if ours else None
