"""The house rules that a linter cannot hold: who may import whom, what loads when, how long things may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalharness.models.base import MODELS
from evalharness.registry import Registry
from evalharness.reports.base import REPORTS
from evalharness.scorers.base import SCORERS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "evalharness"

FLOORS = [
    {"errors", "addresses"},
    {"records", "registry", "stats", "escape", "text", "layout", "worddiff", "table", "leases", "standings", "traits"},
    {
        "flow",
        "files",
        "jsontext",
        "protocol",
        "envelope",
        "settings",
        "store",
        "merging",
        "findings",
        "calibration",
        "books",
        "secrecy",
        "stylometry",
    },
    {"config", "rows", "template", "tree", "cache", "snapshots", "judging", "tiny", "tuning", "endpoints", "pooling"},
    {"models", "scorers", "schema", "serving", "labelling", "voices"},
    {"grammar", "limits", "calibrate"},
    {"suite", "asking", "vitals", "phrases"},
    {"engine", "score", "sheet", "rulings", "training", "duel"},
    {"plan", "measure", "bench"},
    {"heldout", "echoes", "sanity", "persona", "preference", "duelfile", "instruments", "anchoring", "manner"}
    | {"looks", "schedule"},
    {"compare", "summary", "forecast", "baselines", "feed", "pairing"},
    {"sitting", "rebasing", "history", "appraisal", "duelling"},
    {"harness"},
    {"accepting"},
    {"reports", "progress"},
    {"cli", "pytest_plugin"},
]
"""Lowest first; a module imports only from lower floors. Explained in docs/architecture.md."""

OPEN_SETS = {"models", "scorers", "reports"}
"""Folders whose members import of each other only what `base` and the helpers it names hold."""

HEAVY = {"openai", "aiohttp", "asyncio", "scipy", "numpy", "jinja2", "diskcache", "rich", "pydantic", "yaml"}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 450, 60, 7
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The module as the floors name it: a folder counts as one."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Every module of ours that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names if alias.name.startswith("evalharness"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("evalharness"):
            if node.module == "evalharness":
                yield from ((f"evalharness.{alias.name}", node) for alias in node.names)
            else:
                yield node.module, node


def top_level_imports(path: Path) -> Iterator[str]:
    """The first name of every module that importing the file loads: outside functions and type-checking blocks."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, FUNCTIONS))


def test_every_module_stands_on_a_floor() -> None:
    named = set().union(*FLOORS)
    assert {name_of(path) for path in sources()} - {"__init__"} == named


def test_modules_import_only_from_lower_floors() -> None:
    floor = {name: number for number, names in enumerate(FLOORS, 1) for name in names}
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {module}"
        for path in sources()
        if path.name != "__init__.py" or path.parent != PACKAGE
        for module, node in imports(path)
        if (own := name_of(path)) != (other := module.split(".")[1]) and floor[own] <= floor[other]
    ]
    assert wrong == []


def test_files_within_a_folder_import_each_other_without_circles() -> None:
    for folder in sorted({path.parent for path in sources()} - {PACKAGE}):
        graph = {
            path.stem: {
                module.split(".")[2]
                for module, _ in imports(path)
                if module.count(".") > 1 and module.split(".")[1] == folder.name
            }
            for path in folder.glob("*.py")
        }
        done: set[str] = set()
        while ready := [name for name in graph if name not in done and graph[name] & graph.keys() <= done | {name}]:
            done.update(ready)
        assert done == set(graph), f"a circle in {folder.name}: {sorted(set(graph) - done)}"


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {library}"
        for path in sources()
        for library in top_level_imports(path)
        if library in HEAVY
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (["--help"], HEAVY | {"regex", "jsonschema"}),
        (["tune", "check", "suites/data/harbour.jsonl"], HEAVY - {"pydantic"} | {"regex", "jsonschema"}),
        (["lint", "suites/gsm8k.yaml"], {"openai", "aiohttp", "asyncio", "scipy", "numpy", "diskcache"}),
        (
            ["compare", "suites/gsm8k.yaml", "--format", "terminal", "--allow-inconclusive"],
            {"openai", "aiohttp", "asyncio", "scipy.stats", "scipy.optimize"},
        ),
    ],
    ids=["help", "tune-check", "lint", "compare-recordings"],
)
def test_a_verb_loads_only_what_it_needs(arguments: list[str], never: set[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom evalharness.cli import main\n"
        f"sys.argv = ['evalharness', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\n' + ' '.join(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    loaded = set(done.stderr.rpartition("\n")[2].split())
    assert "click" in loaded
    assert loaded & never == set()


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): n for path in sources() if (n := path.read_text("utf-8").count("\n")) > MOST_LINES
    }
    assert long == {}


def test_functions_fit_on_a_screen_and_take_few_parameters() -> None:
    wrong = []
    for path in sources():
        for node in functions(path):
            given = node.args
            parameters = len([*given.posonlyargs, *given.args, *given.kwonlyargs])
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MOST_FUNCTION_LINES or parameters > MOST_PARAMETERS:
                wrong.append(
                    f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines, {parameters} parameters"
                )
    assert wrong == []


def test_public_names_have_a_docstring() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in public(ast.parse(path.read_text("utf-8")).body)
        if not ast.get_docstring(node) and not is_overload(node) and not is_stub(node)
    ]
    assert silent == []


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Classes and functions of a module that others may use, and the methods of those classes."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def is_overload(node: ast.AST) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in getattr(node, "decorator_list", []))


def is_stub(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """A body of `...`: what a protocol asks for."""
    return isinstance(node.body[0], ast.Expr) and getattr(node.body[0].value, "value", None) is ...


@pytest.mark.parametrize(("registry", "folder"), [(SCORERS, "scorers"), (MODELS, "models"), (REPORTS, "reports")])
def test_every_member_has_a_docstring_and_a_test_file(registry: Registry[object], folder: str) -> None:
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / folder).glob("test_*.py"))
    for name, member in registry.items():
        assert member.__doc__, name
        assert (ROOT / "tests" / folder / f"test_{name}.py").is_file() or name in tests, name


def test_no_ignored_rule_is_without_its_reason() -> None:
    for path in [*sources(), *sorted((ROOT / "tests").rglob("*.py"))]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if "# noqa" in line and path != Path(__file__):
                reason = line.partition("# noqa")[2].lstrip(": ").split(maxsplit=1)
                assert len(reason) == 2, f"{path.relative_to(ROOT)}:{number}"
