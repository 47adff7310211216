"""Judges that say what a test wants, in the form that they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from evalharness.flow import Answer
from evalharness.records import Request, Response


def mark(request: Request) -> str:
    """The mark that a verdict must bear."""
    *_, found = re.findall(r'\{"mark": "([0-9a-f]{12})"', request.messages[1].content)
    return str(found)


def material(request: Request, name: str) -> str:
    """The piece of material of that name, between its marks."""
    sign = mark(request)
    found = re.search(rf"^{re.escape(name)}\n\[{sign}\n(.*?)\n{sign}\]", request.messages[1].content, re.M | re.S)
    assert found is not None, request.messages[1].content
    return found[1]


def verdict(request: Request, word: object, reason: str = "so it is") -> Response:
    """A verdict in form."""
    return Response(json.dumps({"mark": mark(request), "reason": reason, "verdict": word}))


def judge(decide: Callable[[str], object]) -> Callable[[Request], Answer]:
    """A judge who decides by the text of the reply."""
    return lambda request: verdict(request, decide(material(request, "The reply")))
