"""What looks like personal data or a secret in a text, shown so that nobody reads it again.

Cautious about alarms: numbers count only with a check digit that is right (cards, IBAN), or written as phone numbers
are; addresses of domains kept for examples do not count. It finds the careless case, and proves nothing clean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

KEY_STARTS = {
    "_": ("sk_live_", "rk_live_", "ghp_", "gho_", "ghs_", "github_pat_", "hf_", "npm_"),
    "-": ("sk-", "glpat-", "xoxb-", "xoxp-", "PRIVATE KEY-"),
    "": ("AKIA", "AIza", "eyJ"),
}
"""What keys begin with, by a sign without which there is none of them: a text without any need not be searched."""

_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-(?:[a-z]+-){0,3}[A-Za-z0-9_-]{20,}|[sr]k_live_[A-Za-z0-9]{16,}|AKIA[0-9A-Z]{16}|gh[pos]_[A-Za-z0-9]{30,}"
    r"|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{18,}|xox[bp]-[A-Za-z0-9-]{20,}|AIza[A-Za-z0-9_-]{35}"
    r"|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r")|-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY-----"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}+@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})\b"
)
_KEPT_FREE = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net)|example|test|invalid|localhost)$", re.IGNORECASE)
"""Domains that belong to nobody (RFC 2606)."""

_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?|[A-Z0-9]{11,30})(?![A-Za-z0-9])"
)
_CARD = re.compile(
    r"(?<![\w.,+/-])(?:"
    r"[3-6]\d{12,18}"
    r"|[3-6]\d{3}([ -])\d{4}(?:\1\d{4}){1,2}\1\d{1,4}"
    r"|3\d{3}[ -]\d{6}[ -]\d{5}"
    r")(?![\w/-])",
    re.ASCII,
)
# Possessive: digits can be cut into groups in many ways, and hostile text would have all of them tried.
_PHONE = re.compile(
    r"(?<![\w.,+/=*^-])(?<![0-9] )(?:"
    r"\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,5}+\)?){2,6}+"  # +49 30 123456
    r"|\([2-9]\d{2}\) ?[2-9]\d{2}-\d{4}"  # (212) 736-5000
    r"|[2-9]\d{2}([.-])[2-9]\d{2}\1\d{4}"  # 212-736-5000
    r"|0[1-9]\d{0,3}[ /-]\d{3,8}(?:[ -]\d{2,6}){0,2}"  # 030 1234567
    r"|0[1-9](?:[ .]\d{2}){4}"  # 01 23 45 67 89
    r")(?![\w/-]|[.,]\d)",
    re.ASCII,
)
_DIGITS = re.compile(r"[0-9][0-9 .()/-]{6,}[0-9]")  # not \d, which is searched for at half the speed


def suspicious(text: str) -> bool:
    """Whether a text is worth a search; quick, and right in saying no. The text may be JSON."""
    return "@" in text or _DIGITS.search(text) is not None or _may_hold_key(text)


def personal(text: str) -> Iterator[tuple[str, str]]:
    """What a text holds: the rule's code, and the find masked, `j***@h***`. One number is found once, as one thing."""
    taken: list[tuple[int, int]] = []
    for code, start, end, mask in _finds(text):
        if all(end <= low or high <= start for low, high in taken):
            taken.append((start, end))
            yield code, mask


def _finds(text: str) -> Iterator[tuple[str, int, int, str]]:
    if _may_hold_key(text):
        for found in _KEY.finditer(text):
            yield "secret_key", *found.span(), f"{found[0][:4]}***"
    if "@" in text:
        for found in _EMAIL.finditer(text):
            if not _KEPT_FREE.search(found[1]):
                yield "personal_email", *found.span(), f"{found[0][0]}***@{found[1][0]}***"
    if _DIGITS.search(text):
        yield from _numbers(text)


def _numbers(text: str) -> Iterator[tuple[str, int, int, str]]:
    for found in _IBAN.finditer(text):
        if end := _iban_end(found[0]):
            yield "personal_iban", found.start(), found.start() + end, f"{found[0][:2]}*** {found[0][:end][-2:]}"
    for found in _CARD.finditer(text):
        digits = _digits(found[0])
        if luhn(digits) and len(set(digits)) > 1:
            yield "personal_card", *found.span(), f"*** {digits[-4:]}"
    for found in _PHONE.finditer(text):
        digits = _digits(found[0])
        if 9 <= len(digits) <= 15 and len(set(digits)) > 2:
            yield "personal_phone", *found.span(), f"{found[0][:3].rstrip()}*** {digits[-2:]}"


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _may_hold_key(text: str) -> bool:
    return any(start in text for sign, starts in KEY_STARTS.items() if sign in text for start in starts)


def luhn(digits: str) -> bool:
    """Whether the last digit of a card's number is the check digit of the others."""
    if not 13 <= len(digits) <= 19:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def iban(text: str) -> bool:
    """Whether the two check digits of an account number (IBAN) are right: it is 1 modulo 97, letters as 10 to 35."""
    joined = text.replace(" ", "")
    if not 15 <= len(joined) <= 34:
        return False
    moved = joined[4:] + joined[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _iban_end(text: str) -> int:
    """Where the account number ends: words in capitals may follow it."""
    while text:
        if iban(text):
            return len(text)
        text = text.rpartition(" ")[0]
    return 0
