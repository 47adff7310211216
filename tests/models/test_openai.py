"""The chat kind against a server on this machine that says, byte for byte, what a test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.addresses import is_loopback
from evalharness.config import Arm
from evalharness.errors import Faults, ModelFailed
from evalharness.models.base import LARGEST, open_model
from evalharness.models.openai import OpenAI
from evalharness.protocol import Allowance
from evalharness.records import Message, ModelRef, Origin, Payload, Request, Response, Usage

KEY = "sk-test-0123456789/abcdef"
ANSWER = {
    "id": "chatcmpl-1",
    "model": "tiny-2026",
    "system_fingerprint": "fp_1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """What a connection is answered with, and what was asked; a deaf one leaves the body unread."""

    talk: Talk
    deaf: bool = False
    url: str = ""
    lines: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Payload] = field(default_factory=list)

    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self.note(reader)
                await self.talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def note(self, reader: asyncio.StreamReader) -> None:
        line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in rest)}
        self.lines.append(line)
        self.headers.append(headers)
        if not self.deaf:
            self.bodies.append(json.loads(await reader.readexactly(int(headers["content-length"]))))


@contextlib.asynccontextmanager
async def running(talk: Talk, *, deaf: bool = False, secure: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(talk, deaf)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=secure)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http{'s' if secure else ''}://127.0.0.1:{port}/v1"
    try:
        yield server
    finally:
        listening.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


def saying(status: str, body: bytes, *headers: str) -> Talk:
    """An HTTP answer, whole and correct in its frame."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers])

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return talk


def asked(talk: Talk, **settings: object) -> tuple[str | ModelFailed, Server, OpenAI]:
    """Asks one question of a server that talks like that."""

    async def ask() -> tuple[str | ModelFailed, Server, OpenAI]:
        async with running(talk) as server:
            model = opened(server.url, **settings)
            async with model:
                try:
                    return await model.fetch(question(model)), server, model
                except ModelFailed as failed:
                    return failed, server, model

    return asyncio.run(ask())


def opened(url: str, **settings: object) -> OpenAI:
    ref = ModelRef("base", "openai:tiny", base_url=url)
    model = open_model(replace(Arm(ref, seconds=5.0), **settings))  # type: ignore[arg-type] # settings vary by test
    assert isinstance(model, OpenAI)
    return model


def question(model: OpenAI, params: Payload | None = None) -> Request:
    said = (Message("system", "Be brief."), Message("user", "Capital of France? \ud800 é"))
    return Request(model.ref, said, params or {}, origin=Origin("france", 1))


def failed(outcome: object) -> ModelFailed:
    assert isinstance(outcome, ModelFailed), outcome
    return outcome


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_question_is_one_post_with_the_key_and_all_messages() -> None:
    text, server, model = asked(saying("200 OK", json.dumps(ANSWER).encode()))

    assert text == json.dumps(ANSWER)
    assert server.lines == ["POST /v1/chat/completions HTTP/1.1"]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert server.headers[0]["content-type"] == "application/json"
    assert "cookie" not in server.headers[0]
    assert server.bodies == [
        {
            "model": "tiny",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Capital of France? \ud800 é"},
            ],
        }
    ]
    assert model.read(str(text)) == Response("Paris.", "answered", Usage(12, 3), "tiny-2026", "fp_1")


def test_extra_body_beats_params_and_dropped_names_are_not_sent() -> None:
    ref = ModelRef(
        "lora",
        "openai:tiny",
        base_url="http://127.0.0.1:1/v1",
        extra_body={"top_p": 0.5, "lora": [{"id": 0, "scale": 1.0}]},
        drop=("temperature",),
    )
    model = opened(ref.base_url, ref=ref)

    body = json.loads(model.body(question(model, {"temperature": 0, "top_p": 1, "max_tokens": 5})))

    del body["messages"]
    assert body == {"model": "tiny", "top_p": 0.5, "lora": [{"id": 0, "scale": 1.0}], "max_tokens": 5}


def test_the_official_clients_variables_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: marv\nX-Empty")
    monkeypatch.setenv("OTHER_KEY", "another-key-1234\n")

    _, server, _ = asked(saying("200 OK", b"{}"), api_key_env="OTHER_KEY")

    sent = server.headers[0]
    assert (sent["openai-organization"], sent["openai-project"], sent["x-team"]) == ("org-1", "proj-1", "marv")
    assert sent["authorization"] == "Bearer another-key-1234"


@pytest.mark.parametrize(
    ("configured", "variable", "address"),
    [
        ("", "", "https://api.openai.com/v1"),
        ("", "http://127.0.0.1:9/v1/", "http://127.0.0.1:9/v1"),
        ("http://localhost:8000/v1", "http://127.0.0.1:9/v1", "http://localhost:8000/v1"),
    ],
)
def test_the_address_is_the_arms_then_the_environments_then_the_services(
    configured: str, variable: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", variable)

    assert opened(configured).ref.base_url == address


def test_a_server_on_this_machine_needs_no_key_and_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    text, server, model = asked(saying("200 OK", b"{}"))

    assert text == "{}"
    assert model.faults([question(model)]) == ()
    assert "authorization" not in server.headers[0]


def test_only_this_machines_own_addresses_are_loopback() -> None:
    near = ["http://localhost/v1", "http://127.0.0.9:8000", "http://[::1]:80/v1", "http://a.localhost/"]
    far = ["http://localhost.example/v1", "http://10.0.0.1", "https://api.openai.com/v1", "http://127.0.0.1.example"]

    assert [is_loopback(url) for url in near + far] == [True] * 4 + [False] * 4


def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> tuple[list[str], str]:
        async with running(saying("200 OK", b"{}")) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//user:hunter2hunter2@").removesuffix("/v1"))
            async with opened("http://model.example/v1") as model:
                await model.fetch(question(model))
            async with opened("http://127.0.0.1:1/v1") as model:
                with pytest.raises(ModelFailed) as refused:
                    await model.fetch(question(model))
            return proxy.lines, refused.value.kind

    lines, kind = asyncio.run(ask())

    assert lines == ["POST http://model.example/v1/chat/completions HTTP/1.1"]
    assert kind == "unreachable"


def test_passwords_in_netrc_are_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login marv password sarcasm\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("OPENAI_API_KEY")

    _, server, _ = asked(saying("200 OK", b"{}"))

    assert "authorization" not in server.headers[0]


def test_cookies_are_not_kept() -> None:
    async def ask() -> list[dict[str, str]]:
        async with running(saying("200 OK", b"{}", "set-cookie: a=b")) as server, opened(server.url) as model:
            await model.fetch(question(model))
            await model.fetch(question(model))
            return server.headers

    assert ["cookie" in headers for headers in asyncio.run(ask())] == [False, False]


# --- what is refused before anything is asked -------------------------------------------------------------------------


def test_a_missing_key_is_a_fault_that_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    model = opened("https://models.example/v1", file="evalharness.toml", place="models.base")

    assert [str(fault) for fault in model.faults([question(model)])] == [
        "evalharness.toml: models.base: the variable OPENAI_API_KEY is not set, so there is no key\n"
        "  hint: export OPENAI_API_KEY=..., or name another variable with api_key_env"
    ]
    assert model.faults([]) == ()


def test_a_variable_that_the_arm_names_must_be_set_on_this_machine_too() -> None:
    model = opened("http://127.0.0.1:1/v1", api_key_env="NO_SUCH_KEY", place="models.lora")

    (fault,) = model.faults([question(model)])

    assert fault.what == "models.lora: the variable NO_SUCH_KEY is not set, so there is no key"


def test_a_key_that_no_header_can_hold_is_a_fault_that_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one\nsk-two")
    model = opened("http://127.0.0.1:1/v1", place="models.base")

    (fault,) = model.faults([question(model)])

    assert str(fault) == "models.base: the key in OPENAI_API_KEY has characters that no header can hold"


def test_parameters_that_change_how_answers_come_are_faults() -> None:
    model = opened("http://127.0.0.1:1/v1", place="models.base")

    found = model.faults([question(model, {"n": 3, "temperature": 0}), question(model, {"stream": True, "n": 2})])

    assert [fault.what for fault in found] == [
        "models.base: the parameter 'n' is the harness's own",
        "models.base: the parameter 'stream' is the harness's own",
    ]


def test_an_address_in_the_environment_is_checked_and_its_password_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://marv:sarcasm@models.example/v1")

    with pytest.raises(Faults) as caught:
        opened("")

    assert str(caught.value) == (
        "base: base_url: a URL with a user name or password, which would end in run files\n"
        "  hint: it comes from the variable OPENAI_BASE_URL"
    )


# --- statuses ---------------------------------------------------------------------------------------------------------


def error(message: str, code: str | None = None, kind: str = "some_error") -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "again", "stops"),
    [
        (400, "rejected", False, ""),
        (401, "denied", False, "run"),
        (402, "quota", False, "run"),
        (403, "denied", False, "run"),
        (404, "gone", False, "model"),
        (408, "timeout", True, ""),
        (409, "server", True, ""),
        (410, "gone", False, "model"),
        (413, "rejected", False, ""),
        (418, "rejected", False, ""),
        (422, "rejected", False, ""),
        (429, "limit", True, ""),
        (500, "server", True, ""),
        (502, "server", True, ""),
        (503, "server", True, ""),
        (504, "server", True, ""),
        (529, "server", True, ""),
    ],
)
def test_each_status_says_whether_to_ask_again_and_what_to_stop(
    status: int, kind: str, again: bool, stops: str
) -> None:
    outcome = failed(asked(saying(f"{status} X", error("no luck", "some_code")))[0])

    assert (outcome.kind, outcome.again, outcome.stops) == (kind, again, stops)
    assert str(outcome).startswith(f"status {status}: no luck (some_code)")


@pytest.mark.parametrize("status", [400, 403, 429])
@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached"])
def test_a_spent_account_stops_the_run_whatever_the_status(status: int, code: str) -> None:
    talk = saying(f"{status} X", error("You exceeded your current quota", code), "x-should-retry: true")

    outcome = failed(asked(talk)[0])

    assert (outcome.kind, outcome.again, outcome.stops) == ("quota", False, "run")


@pytest.mark.parametrize(
    ("status", "wish", "again"),
    [
        (500, "false", False),
        (429, "false", False),
        (418, "true", True),
        (500, "maybe", True),
        (400, "true", False),
        (422, "true", False),
    ],
)
def test_x_should_retry_is_obeyed_but_for_requests_that_are_wrong(status: int, wish: str, again: bool) -> None:
    outcome = failed(asked(saying(f"{status} X", b"", f"x-should-retry: {wish}"))[0])

    assert outcome.again is again


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        (["retry-after: 7"], 7.0),
        (["Retry-After-Ms: 1500"], 1.5),
        (["retry-after: soon"], None),
        (["date: Fri, 20 Nov 2026 10:00:00 GMT", "retry-after: Fri, 20 Nov 2026 10:00:30 GMT"], 30.0),
    ],
)
def test_a_wait_that_the_server_asks_for_is_passed_on(headers: list[str], wait: float | None) -> None:
    assert failed(asked(saying("429 X", b"", *headers))[0]).wait == wait


def test_a_redirect_is_not_followed() -> None:
    outcome, server, _ = asked(saying("307 X", b"", "location: http://127.0.0.1:1/elsewhere"))

    assert len(server.lines) == 1
    assert str(failed(outcome)) == (
        "status 307: moved to http://127.0.0.1:1/elsewhere, which is not followed; set base_url"
    )
    assert (failed(outcome).kind, failed(outcome).again) == ("rejected", False)


def test_limits_in_headers_are_learnt_from_answers_and_from_errors() -> None:
    headers = [
        "x-ratelimit-limit-requests: 500",
        "x-ratelimit-remaining-requests: 499",
        "x-ratelimit-reset-requests: 120ms",
    ]
    limits = Allowance(requests=500, requests_left=499, requests_reset=0.12)

    assert asked(saying("200 X", b"{}", *headers))[2].allowance == limits
    assert asked(saying("429 X", b"{}", *headers))[2].allowance == limits
    assert asked(saying("200 X", b"{}"))[2].allowance is None


# --- keys reach no output ---------------------------------------------------------------------------------------------

ESCAPED = "".join(f"\\u{ord(c):04X}" for c in KEY)


@pytest.mark.parametrize("status", ["400 X", "401 X", "404 X", "429 X", "500 X", "307 X"])
@pytest.mark.parametrize(
    "body",
    [
        error(f"Incorrect API key provided: {KEY}."),
        error("x" * 150 + KEY),
        f"<html>Bearer {KEY}".encode(),
        f'{{"error": {{"message": "{ESCAPED}"}}}}'.encode(),
        f'{{"error": "{KEY.replace("/", chr(92) + "/")}"}}'.encode(),
        f'["{KEY}"]'.encode(),
    ],
)
def test_a_key_that_an_error_echoes_is_hidden(status: str, body: bytes) -> None:
    outcome = failed(asked(saying(status, body, f"location: http://x.example/?key={KEY}"))[0])

    assert "0123456789" not in str(outcome)
    assert "[key]" in str(outcome)


def test_a_key_that_an_answer_echoes_is_hidden_before_it_is_stored() -> None:
    said = json.dumps(ANSWER).replace("Paris.", f"Your key is {KEY}, or {ESCAPED}").encode()

    text, _, model = asked(saying("200 X", said))

    assert KEY not in str(text)
    assert model.read(str(text)).text == "Your key is [key], or [key]"


@pytest.mark.parametrize("talk", [saying("200 X", f"no {KEY}".encode()), saying(f"200 {KEY}\x00", b"")])
def test_a_key_in_what_is_no_answer_is_hidden(talk: Talk) -> None:
    text, _, model = asked(talk)
    try:
        outcome = model.read(text) if isinstance(text, str) else text
    except ModelFailed as refused:
        outcome = refused

    assert KEY not in str(outcome)


def test_half_a_key_at_the_end_of_a_quote_is_hidden_too() -> None:
    model = opened("http://127.0.0.1:1/v1")

    for length in range(100, 170):
        with pytest.raises(ModelFailed) as refused:
            model.read("x" * length + KEY + " and more" * 50)
        assert "sk-test" not in str(refused.value)


def test_without_a_key_a_question_fails_and_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    outcome, server, _ = asked(saying("200 OK", b"{}"), api_key_env="NO_SUCH_KEY")

    assert (failed(outcome).kind, failed(outcome).stops, server.lines) == ("denied", "run", [])


def test_a_short_placeholder_key_leaves_answers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "Paris")

    assert asked(saying("200 X", json.dumps(ANSWER).encode()))[0] == json.dumps(ANSWER)


# --- lines that break -------------------------------------------------------------------------------------------------


async def _dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _dripping_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("talk", [_dripping, _silent, _dripping_headers])
def test_a_server_that_never_ends_is_left_at_the_deadline(talk: Talk) -> None:
    outcome = failed(asked(talk, seconds=0.1)[0])

    assert (outcome.kind, outcome.again, str(outcome)) == ("timeout", True, "no whole answer within 0.1 s")


async def _cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"choices":')
    await writer.drain()


async def _gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return None


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize("talk", [_cut_off, _gone, _reset])
def test_a_lost_connection_may_be_tried_again_and_is_tried_once_here(talk: Talk) -> None:
    outcome, server, _ = asked(talk)

    assert (failed(outcome).kind, failed(outcome).again) == ("unreachable", True)
    assert len(server.lines) == 1


def test_a_server_that_is_not_there_may_be_tried_again() -> None:
    async def ask() -> ModelFailed:
        async with running(_gone) as server:
            url = server.url
        async with opened(url) as model:
            with pytest.raises(ModelFailed) as refused:
                await model.fetch(question(model))
            assert str(refused.value).startswith(f"{url}: ")
            return refused.value

    refused = asyncio.run(ask())
    assert (refused.kind, refused.again, refused.stops) == ("unreachable", True, "")


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
    await writer.drain()


def test_what_is_not_http_is_no_answer() -> None:
    outcome = failed(asked(_garbage)[0])

    assert (outcome.kind, outcome.again) == ("invalid", False)


def test_bytes_that_are_no_utf8_are_no_answer() -> None:
    outcome = failed(asked(saying("200 OK", b'{"a": "\xff"}'))[0])

    assert (outcome.kind, str(outcome)) == ("invalid", "the answer is not UTF-8: invalid start byte at byte 7")


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"100000\r\n" + b" " * 2**20 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    "talk",
    [
        _endless,
        saying("200 OK", b" " * (LARGEST + 1)),
        saying("200 OK", gzip.compress(b" " * (LARGEST + 1)), "content-encoding: gzip"),
    ],
    ids=["endless", "long", "bomb"],
)
def test_an_answer_past_the_limit_is_refused(talk: Talk) -> None:
    outcome = failed(asked(talk)[0])

    assert (outcome.kind, str(outcome)) == ("invalid", "an answer of more than 16 MiB")


def test_an_answer_at_the_limit_is_taken() -> None:
    text, _, _ = asked(saying("200 OK", b" " * LARGEST))

    assert len(str(text)) == LARGEST


async def _early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}")
    await writer.drain()
    await asyncio.Event().wait()


def test_a_server_that_answers_without_reading_does_not_hold_the_call() -> None:
    async def ask() -> ModelFailed:
        async with running(_early, deaf=True) as server, opened(server.url, seconds=0.3) as model:
            long = Request(model.ref, (Message("user", "x" * 2**24),))
            with pytest.raises(ModelFailed) as refused:
                await asyncio.wait_for(model.fetch(long), 4)
            return refused.value

    assert asyncio.run(ask()).kind in ("rejected", "timeout")


def test_a_filtered_answer_is_not_kept_and_an_empty_one_is() -> None:
    model = opened("http://127.0.0.1:1/v1")

    assert not model.keep(Response("", "filtered"))
    assert model.keep(Response("", "empty"))


def test_a_long_question_arrives_whole() -> None:
    async def ask() -> int:
        async with running(saying("200 OK", b"{}")) as server, opened(server.url) as model:
            await model.fetch(Request(model.ref, (Message("user", "x" * 2**21),)))
            return len(json.dumps(server.bodies[0]["messages"]))

    assert asyncio.run(ask()) == 2**21 + len('[{"role": "user", "content": ""}]')


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_a_server_is_trusted_only_with_a_certificate_that_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k -out c -days 2"
    name = ["-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make.split(), *name], cwd=tmp_path, check=True, capture_output=True)
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(tmp_path / "c", tmp_path / "k")

    async def ask() -> str:
        async with running(saying("200 OK", b"{}"), secure=secure) as server, opened(server.url) as model:
            return await model.fetch(question(model))

    with pytest.raises(ModelFailed) as refused:
        asyncio.run(ask())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "c"))

    assert asyncio.run(ask()) == "{}"
    assert (refused.value.kind, refused.value.again, refused.value.stops) == ("unreachable", False, "model")


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("", "an empty body"),
        ("null", "null: 'null'"),
        ("[]", "a list: '[]'"),
        ('"Paris"', "a text: '\"Paris\"'"),
        ("7", "a number: '7'"),
        ("true", "true or false: 'true'"),
        ("Paris.", "plain text: 'Paris.'"),
        ("<!DOCTYPE html><p>busy", "an HTML page: '<!DOCTYPE html><p>busy'"),
        ("data: {}\n\ndata: [DONE]", "an event stream: 'data: {} data: [DONE]'"),
        ('{"choices": [', "malformed JSON (Expecting value: line 1 column 14 (char 13)): '{\"choices\": ['"),
        ('{"a": NaN}', "malformed JSON (NaN is not JSON): '{\"a\": NaN}'"),
        ("{} {}", "malformed JSON (more text at character 2): '{} {}'"),
        ("[" * 20_000, "JSON nested too deep"),
        ('{"choices":' * 20_000, "JSON nested too deep"),
        ('{"error": {"message": "overloaded", "code": 529, "type": "busy"}}', "an error: overloaded (busy)"),
        ('{"error": "overloaded", "choices": []}', "an error: overloaded"),
        ("{}", "an answer with choices that are null: '{}'"),
        ('{"choices": null}', "an answer with choices that are null: '{\"choices\":null}'"),
        ('{"choices": []}', "an answer with 0 choices: '{\"choices\":[]}'"),
        ('{"choices": [1, 2]}', "an answer with 2 choices: '{\"choices\":[1,2]}'"),
        ('{"choices": [], "choices": [1]}', 'malformed JSON (a key is repeated): \'{"choices": [], "choices": [1]}\''),
        ('{"choices": [null]}', "a choice without a message: 'null'"),
        ('{"choices": [{"text": "Paris"}]}', 'a choice without a message: \'{"text":"Paris"}\''),
        ('{"choices": [{"message": {}}]}', "an answer without text and without a finish_reason"),
        ('{"choices": [{"message": {"content": 7}}]}', "a message whose content is a number: '7'"),
        ('{"choices": [{"message": {"content": [7]}}]}', "a message with parts that are no texts: '[7]'"),
        (
            '{"choices": [{"message": {"content": "Par"}, "finish_reason": "error"}]}',
            "an answer that ended with \"error\": 'Par'",
        ),
    ],
)
def test_a_broken_answer_is_told_by_what_came(text: str, came: str) -> None:
    with pytest.raises(ModelFailed) as refused:
        opened("http://127.0.0.1:1/v1").read(text)

    assert str(refused.value) == f"not a completion but {came}"
    assert (refused.value.kind, refused.value.again) == ("invalid", False)


def test_what_came_is_quoted_short_and_without_control_codes() -> None:
    with pytest.raises(ModelFailed) as refused:
        opened("http://127.0.0.1:1/v1").read("\x1b[2Jbusy\u202e\n" + "x" * 10_000_000)

    assert str(refused.value).startswith("not a completion but plain text: '\\x1b[2Jbusy\\u202e x")
    assert len(str(refused.value)) < 250


NAMES = st.sampled_from(["choices", "message", "content", "finish_reason", "error", "refusal", "usage", "text", "type"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(st.text() | values.map(json.dumps) | values.map(lambda value: json.dumps({"choices": [{"message": value}]})))
def test_any_text_is_a_response_or_a_failure(text: str) -> None:
    model = opened("http://127.0.0.1:1/v1")

    try:
        outcome: Response | ModelFailed = model.read(text)
    except ModelFailed as refused:
        outcome = refused

    assert isinstance(outcome, Response) or (outcome.kind == "invalid" and "\n" not in str(outcome))


@given(st.text(), st.sampled_from(["stop", "eos", None]))
def test_the_text_of_an_answer_comes_through_as_it_was_said(text: str, finish: str | None) -> None:
    body = {"choices": [{"message": {"content": text}, "finish_reason": finish}]}
    model = opened("http://127.0.0.1:1/v1")
    if not (text.strip() or finish):
        return

    assert model.read(json.dumps(body)).text == text
