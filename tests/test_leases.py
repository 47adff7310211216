"""Claims on questions; those between processes are tested with the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

from evalharness.leases import SPAN, Leases, place


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_claim_is_granted_and_can_be_given_up_and_granted_again(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "lock")

    assert leases.claim(key("a"))
    leases.release(key("a"))
    assert leases.claim(key("a"))
    leases.close()


def test_claims_need_no_room_on_the_disk(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "lock")

    for number in range(1000):
        assert leases.claim(key(str(number)))

    assert (tmp_path / "lock").stat().st_size == 0
    leases.close()


def test_where_no_lock_can_be_had_every_claim_is_granted(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "target")

    for path in (tmp_path / "missing" / "lock", tmp_path / "link"):
        leases = Leases(path)
        assert leases.claim(key("a"))
        leases.release(key("a"))
        leases.close()


def test_every_key_has_a_place_in_the_file() -> None:
    assert 0 <= place("f" * 64) < SPAN
    assert place(key("a")) != place(key("b"))
