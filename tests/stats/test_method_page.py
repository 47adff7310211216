"""The Python on the method page, run."""

import doctest
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "method.md"


def test_the_examples_of_the_method_page() -> None:
    text = PAGE.read_text(encoding="utf-8").replace("```", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, "method.md", str(PAGE), 0)

    results = doctest.DocTestRunner().run(examples)

    assert (results.failed, results.attempted > 5) == (0, True)
