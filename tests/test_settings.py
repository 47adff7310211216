"""Tables under inspection: every fault is noted, and what nobody took is one."""

from __future__ import annotations

import pytest

from evalharness.errors import Fault
from evalharness.settings import Table, Wrong, url, url_fault, whole


def test_a_table_notes_what_is_wrong_and_what_was_not_taken() -> None:
    faults: list[Fault] = []
    table = Table("a.toml", "models.x.", {"tries": "many", "seconds": 5, "triess": 1, "price": {"inptu": 1}}, faults)

    assert table.take("tries", whole, 7) == 7
    assert table.take("at_once", whole, None) is None
    assert table.take("seconds", whole, 1) == 5
    assert table.need("use", whole, 0, "say what") == 0
    price = table.table("price")
    assert price is not None
    price.take("input", whole, 0)
    price.rest()
    table.rest()

    assert [str(fault) for fault in faults] == [
        "a.toml: models.x.tries: expected a whole number from 1, got 'many'",
        "a.toml: models.x.use: missing\n  hint: say what",
        "a.toml: models.x.price.inptu: unknown setting\n  hint: did you mean 'input'?",
        "a.toml: models.x.triess: unknown setting\n  hint: did you mean 'tries'?",
    ]


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8000/v1", "https://api.models.example", "http://[::1]:9/a/b", "HTTP://HOST/V1"],
)
def test_an_address_with_a_host_is_in_order(address: str) -> None:
    assert url_fault(address) == ""
    assert url(f"{address}/") == address


@pytest.mark.parametrize(
    "address",
    ["", "ftp://h/", "http://", "h:80", "http://h/ v1", "http://h\n/", "http://é/", "http://u@h/", "http://h/#x"],
)
def test_what_is_no_address_of_a_server_is_refused(address: str) -> None:
    with pytest.raises(Wrong):
        url(address)
