from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.tuning.personal import iban, luhn, personal, suspicious


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to anna.bloggs@mail.co.uk", [("personal_email", "a***@m***")]),
        ("+49 30 1234567", [("personal_phone", "+49*** 67")]),
        ("call +1 (212) 736 5000.", [("personal_phone", "+1*** 00")]),
        ("(212) 736-5000 or 212-736-5001", [("personal_phone", "(21*** 00"), ("personal_phone", "212*** 01")]),
        ("030 1234567", [("personal_phone", "030*** 67")]),
        ("01 23 45 67 89", [("personal_phone", "01*** 89")]),
        ("4111 1111 1111 1111", [("personal_card", "*** 1111")]),
        ("5500-0000-0000-0004", [("personal_card", "*** 0004")]),
        ("378282246310005", [("personal_card", "*** 0005")]),
        ("DE89 3704 0044 0532 0130 00 AND SO ON", [("personal_iban", "DE*** 00")]),
        ("GB82WEST12345698765432", [("personal_iban", "GB*** 32")]),
        ("sk-proj-abcdefghijklmnopqrstuvwx", [("secret_key", "sk-p***")]),
        ("AKIAIOSFODNN7EXAMPLE", [("secret_key", "AKIA***")]),
        ("-----BEGIN RSA PRIVATE KEY-----", [("secret_key", "----***")]),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", [("secret_key", "ghp_***")]),
    ],
)
def test_what_looks_private_is_found_and_masked(text: str, found: list[tuple[str, str]]) -> None:
    assert list(personal(text)) == found
    assert suspicious(text)


@pytest.mark.parametrize(
    "text",
    [
        "anna@example.com, bob@mail.example.org, carl@localhost.test",
        "on 2026-11-26 at 12:30, or 26/11/2026 12:30, or 01-02-2023 10:00",
        "384400 km, 3.14159265358979, 1,234,567,890.12",
        "ISBN 978-3-16-148410-0, version 10.0.19041.1234",
        "4111 1111 1111 1112",
        "DE88 3704 0044 0532 0130 00",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13",
        "100 200 300 400 and 0000000000000000",
        "2 + 3 = 5; 1234567890123; 0.1234567890",
        "sk-learn and sk-ip, hf_ and npm_ci, eyJ",
        "192.168.100.200, 10.0.0.1:8080",
    ],
)
def test_what_only_resembles_it_raises_no_alarm(text: str) -> None:
    assert list(personal(text)) == []


def test_one_number_is_one_thing() -> None:
    assert [code for code, _ in personal("BE68 5390 0754 7034 and 4111111111111111")] == [
        "personal_iban",
        "personal_card",
    ]


@pytest.mark.parametrize("digits", ["4111111111111111", "5500000000000004", "378282246310005", "6011111111111117"])
def test_the_numbers_that_card_makers_publish_for_tests_have_their_check_digit(digits: str) -> None:
    assert luhn(digits)


@given(st.text("0123456789", min_size=13, max_size=19), st.integers(0, 12), st.integers(1, 9))
def test_a_changed_digit_is_noticed(digits: str, place: int, by: int) -> None:
    changed = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]

    assert not (luhn(digits) and luhn(changed))


@pytest.mark.parametrize("account", ["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "BE68539007547034"])
def test_the_accounts_that_the_standard_shows_have_their_check_digits(account: str) -> None:
    assert iban(account)
    assert not iban(account[:-1] + str((int(account[-1]) + 1) % 10))


@given(st.text("+0123456789 ()-.@AKIsk_\u0663", max_size=300))
def test_a_text_that_is_not_suspicious_holds_nothing(text: str) -> None:
    assert suspicious(text) or list(personal(text)) == []
