"""The check `matches`: a regular expression."""

from __future__ import annotations

from dataclasses import dataclass

from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import BadPattern, pattern, search, shown

LONGEST_REPLY = 1_000_000
"""Characters; on longer replies a search that does not end cannot be stopped in time."""


@scorer("matches")
@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression finds something in the reply.

    ```yaml
    suite: dates
    cases:
      - ask: When did people first walk on the Moon? Answer as YYYY-MM-DD.
        expect:
          format: {matches: '^\\d{4}-\\d\\d-\\d\\d$'}
    ```
    Passes: `1969-07-20`
    Fails: `On 20 July 1969.`

    The syntax is that of the Python package `regex`, which is Python's own and more. It is looked for anywhere in the
    reply: `^` and `$` hold it to the whole, `(?i)` ignores case, `(?m)` makes `^` and `$` stand for each line, `(?s)`
    lets `.` cross lines. In YAML, single quotes keep backslashes as they are.

    `seconds`: how long one search may take, 2 if left out. A search that takes longer, or a reply of more than a
    million characters, is graded as unknown and not as wrong.

    **Does not catch**: what the expression does not say. `$` also matches before a last line break; accents and
    quotation marks have several encodings, which `mentions` sees through and an expression does not.
    """

    pattern: str
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 60:
            raise Unfit("seconds", "the time for one search is more than 0 and at most 60 seconds")
        try:
            pattern(self.pattern)
        except BadPattern as bad:
            raise Unfit("pattern", str(bad)) from None

    def grade(self, conversation: Conversation) -> Grade:
        """1 where there is a match, 0 where there is none, None where the time did not suffice."""
        reply = conversation.reply
        if len(reply) > LONGEST_REPLY:
            return Grade(None, f"a reply of {len(reply):,} characters is too long to search")
        try:
            found = search(self.pattern, reply, self.seconds)
        except TimeoutError:
            return Grade(None, f"no end after {self.seconds:g} s of looking for {shown(self.pattern, 40)}")
        except MemoryError:
            return Grade(None, f"looking for {shown(self.pattern, 40)} takes more memory than there is")
        if found is None:
            return Grade(0.0, f"no match in {shown(reply, 60)}")
        return Grade(1.0, f"matches {shown(found, 60)}")
