"""What can be said about a training file: every rule with its code, and the findings that name one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]

MOST_KEPT = 1_000
"""Findings of one rule that are kept; the others are counted."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. An `error` is what a server rejects, a `warning` what it takes and is probably not meant."""

    severity: Severity
    meaning: str


# fmt: off
RULES: dict[str, Rule] = {
    # the file
    "not_utf8": Rule("error", "bytes that are not UTF-8"),
    "utf16": Rule("error", "the file is UTF-16"),
    "nul": Rule("error", "a NUL character"),
    "not_jsonl": Rule("error", "not one JSON object a line: an array, an object over several lines, a list"),
    "invalid_json": Rule("error", "a line that is not JSON"),
    "invalid_n_examples": Rule("error", "fewer than 10 examples"),
    "file_too_large": Rule("error", "more than 512 MB"),
    "invalid_training_file": Rule("error", "the lines are of another method than the one asked for"),
    # an example
    "missing_messages_list": Rule("error", "no list `messages`, or an empty one"),
    "missing_key": Rule("error", "a pair of answers without `input`, `preferred_output` or `non_preferred_output`"),
    "unrecognized_key": Rule("error", "a key beside `messages` that no server knows, such as `weight`"),
    "malformed_example": Rule("error", "a line of another dialect that lacks a part, or a part of another type"),
    "invalid_tools": Rule("error", "`tools` that are no list of functions with a name"),
    # a message
    "data_type": Rule("error", "a message that is no object"),
    "message_missing_key": Rule("error", "a message without `role`"),
    "message_unrecognized_key": Rule("error", "a key that no message has"),
    "unrecognized_role": Rule("error", "a role that does not exist"),
    "missing_content": Rule("error", "a message without `content`, or with one that is no text"),
    "no_assistant_message": Rule("error", "nothing to learn: no message is the assistant's"),
    "last_message_not_assistant": Rule("error", "the last message is not the assistant's"),
    "last_message_not_user": Rule("error", "reinforcement: the last message is not the user's"),
    "invalid_weight": Rule("error", "a `weight` other than 0 or 1, or on a message that is not the assistant's"),
    "nothing_to_train": Rule("error", "every message of the assistant has weight 0"),
    "special_token": Rule("error", "text that holds a token with which servers part messages"),
    "invalid_tool_call": Rule("error", "a tool call without id, name or text of arguments; an answer to no call"),
    # quality
    "utf8_bom": Rule("warning", "a byte order mark before the first line"),
    "blank_line": Rule("warning", "a blank line: some servers pass over it, some reject it"),
    "repeated_key": Rule("warning", "a key that stands twice in one object; readers take the last"),
    "lone_surrogate": Rule("warning", "half of a character, which no UTF-8 text can hold"),
    "duplicate_example": Rule("warning", "the same example twice"),
    "contradictory_answers": Rule("warning", "another answer to the same conversation"),
    "missing_system": Rule("warning", "some examples have a system prompt and others none"),
    "different_system": Rule("warning", "the examples have several system prompts"),
    "no_user_message": Rule("warning", "an example in which no user speaks"),
    "two_users_in_a_row": Rule("warning", "two messages of the user without an answer between them"),
    "empty_reply": Rule("warning", "the assistant says nothing, in a message that is trained on"),
    "same_preference": Rule("warning", "a pair whose answers are the same"),
    "undeclared_tool": Rule("warning", "a call of a tool that `tools` does not list, or arguments that are no JSON"),
    "no_reference": Rule("warning", "reinforcement: no key beside the messages that a grader could use"),
    "template_token": Rule("warning", "text that looks like a mark of some chat template, such as `[INST]`"),
    "too_long": Rule("warning", "more tokens than the context; servers cut the rest without a word"),
    "personal_email": Rule("warning", "what looks like an e-mail address"),
    "personal_phone": Rule("warning", "what looks like a phone number"),
    "personal_card": Rule("warning", "what looks like the number of a payment card (its check digit is right)"),
    "personal_iban": Rule("warning", "what looks like a bank account number, IBAN (its check digits are right)"),
    "secret_key": Rule("warning", "what looks like a key or password for some service"),
    "in_suite": Rule("warning", "`--suite`: the suite asks this very question"),
    "near_suite": Rule("warning", "`--suite`: the suite asks nearly this"),
    "suite_system": Rule("warning", "`--suite`: the system prompt of the examples is not that of the suite"),
    # good to know
    "crlf": Rule("note", "lines end in CR LF, as on Windows"),
    "few_examples": Rule("note", "fewer than 50 examples; 50 to 100 is where a gain is usually seen first"),
    "no_system": Rule("note", "no example has a system prompt"),
    "left_out": Rule("note", "columns of another dialect that hold nothing of the conversation"),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule met in one place.

    line: from 1, 0 for the whole file. others: further lines it concerns. message: of the example, from 0. server: what
    a hosted server says to it, where that is known. repair: what repairing does about it; empty where that would take a
    guess.
    """

    code: str
    line: int
    what: str
    hint: str = ""
    server: str = ""
    message: int | None = None
    others: tuple[int, ...] = ()
    repair: str = ""

    @property
    def severity(self) -> Severity:
        """That of its rule."""
        return RULES[self.code].severity


class Tally:
    """Findings as they come: the first of each rule, and how many there were."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Finding]] = {}
        self.totals: dict[str, int] = {}
        self.repairs: dict[str, int] = {}

    def add(self, finding: Finding) -> None:
        """Counts one finding, and keeps it unless there are many like it."""
        total = self.totals.get(finding.code, 0)
        self.totals[finding.code] = total + 1
        if total < MOST_KEPT:
            self.kept.setdefault(finding.code, []).append(finding)
        if finding.repair:
            self.repairs[finding.repair] = self.repairs.get(finding.repair, 0) + 1
