"""The server as such: whom it answers, what it does wrong on purpose, what it writes."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest

from evalharness.errors import EvalError
from evalharness.serving.app import Server, Settings
from evalharness.serving.misbehaviour import Habit, Temper, habits
from tests.serving.clients import client, ended, served, upload
from tests.serving.parrot import Parrot


def asked(url: str, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes, str | None]:
    """One plain request: status, body, Retry-After."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("retry-after")
    finally:
        connection.close()


def test_it_listens_on_this_machine_only_unless_told_otherwise(tmp_path: Path) -> None:
    with Server(Parrot(), Settings(tmp_path / "server")) as server:
        assert server.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Host": "evil.example:80"}]
)
def test_web_pages_are_refused(headers: dict[str, str], tmp_path: Path) -> None:
    with Server(Parrot(), Settings(tmp_path / "server")) as server:
        status, body, _ = asked(server.url, "GET", "/v1/models", headers)

    assert status == 403
    assert b"not web pages" in body


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:80", "[::1]"])
def test_this_machine_is_answered_by_each_of_its_names(host: str, tmp_path: Path) -> None:
    with Server(Parrot(), Settings(tmp_path / "server")) as server:
        assert asked(server.url, "GET", "/v1/models", {"Host": host})[0] == 200


def test_an_address_that_does_not_exist_has_an_error_body(tmp_path: Path) -> None:
    with Server(Parrot(), Settings(tmp_path / "server")) as server:
        status, body, _ = asked(server.url, "GET", "/v1/nothing")
        wrong, _, _ = asked(server.url, "PUT", "/v1/models")

    assert (status, wrong) == (404, 405)
    assert json.loads(body) == {
        "error": {
            "message": "Invalid URL (GET /v1/nothing)",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        Server(Parrot(), Settings(tmp_path / "server")),
        pytest.raises(EvalError, match="another server is using this folder"),
    ):
        Server(Parrot(), Settings(tmp_path / "server"))
    with Server(Parrot(), Settings(tmp_path / "server")) as server:
        assert server.url


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with Server(Parrot(), Settings(tmp_path / "one")) as server:
        port = urlsplit(server.url).port or 0
        with pytest.raises(EvalError, match="address already in use"):
            Server(Parrot(), Settings(tmp_path / "two", port=port)).__enter__()


def test_a_damaged_record_costs_only_itself(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        names = [upload(api), upload(api, 11)]
    (tmp_path / "server/files" / f"{names[0]}.json").write_text("{")
    with served(tmp_path) as api:
        assert [file.id for file in api.files.list()] == [names[1]]


def test_keys_are_in_no_file(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api)).id)
        key = api.api_key.encode()

    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 5
    assert not any(key in content for content in written)


# --- misbehaviour -----------------------------------------------------------------------------------------------------


def test_habits_are_read_from_one_line() -> None:
    assert habits("429:0.1:3, 500:0.05,reset:0.01,slow:0.5") == (
        Habit("429", 0.1, 3.0),
        Habit("500", 0.05),
        Habit("reset", 0.01),
        Habit("slow", 0.5),
    )
    assert habits("") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tea:0.1", "'tea:0.1' is no trick"),
        ("429", "'429' is no trick"),
        ("429:2", "not a share of requests"),
        ("429:0.6,500:0.6", "shares of more than 1 together"),
        ("429:1.2.3", "has no number where one belongs"),
    ],
)
def test_a_habit_that_makes_no_sense_is_told(text: str, said: str) -> None:
    with pytest.raises(EvalError, match=said):
        habits(text)


def test_each_trick_befalls_its_share_of_requests_the_same_way_each_time() -> None:
    draws = [[habit.trick if (habit := temper.next()) else "" for _ in range(10_000)] for temper in _twins()]

    assert draws[0] == draws[1]
    assert abs(draws[0].count("429") - 2000) < 200  # 5 standard errors: sqrt(10,000 * 0.2 * 0.8) = 40
    assert abs(draws[0].count("lost") - 1000) < 150  # 30 each


def _twins() -> list[Temper]:
    return [Temper(habits("429:0.2,lost:0.1"), seed=5) for _ in range(2)]


def test_429_says_how_long_to_wait(tmp_path: Path) -> None:
    with Server(Parrot(), Settings(tmp_path / "server", temper=Temper(habits("429:1:7")))) as server:
        status, body, wait = asked(server.url, "GET", "/v1/models")

    assert (status, wait) == (429, "7")
    assert json.loads(body)["error"]["code"] == "rate_limit_exceeded"


def test_5xx_have_the_words_of_a_server_error(tmp_path: Path) -> None:
    with served(tmp_path, temper=Temper(habits("503:1"))) as api, pytest.raises(openai.InternalServerError) as failed:
        api.models.list()

    assert failed.value.status_code == 503
    assert "The server had an error while processing your request" in failed.value.message


def test_reset_does_nothing_and_lost_does_it_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    left = []
    for trick in ("reset", "lost"):
        folder = tmp_path / trick
        with served(folder, temper=Temper(habits(f"{trick}:1"))) as api, pytest.raises(openai.APIConnectionError):
            upload(api)
        with served(folder) as api:
            left.append(len(list(api.files.list())))

    assert left == [0, 1]
    assert caplog.records == []


def test_slow_answers_are_right_and_late(tmp_path: Path) -> None:
    with Server(Parrot(), Settings(tmp_path / "server", temper=Temper(habits("slow:1:0.2")))) as server:
        with client(server.url) as api, pytest.raises(openai.APITimeoutError):
            api.with_options(timeout=0.02).models.list()
        with client(server.url) as api:
            assert len(list(api.models.list())) == 2
