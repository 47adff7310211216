"""Where a config is found, what it may say, and what is said of one that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evalharness.config import Arm, Config, Price, load
from evalharness.errors import Faults, UnknownName
from evalharness.records import ModelRef


def written(folder: Path, text: str, name: str = "evalharness.toml") -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return load(folder)


def told(folder: Path, text: str, name: str = "evalharness.toml") -> list[str]:
    with pytest.raises(Faults) as caught:
        written(folder, text, name)
    return [str(fault) for fault in caught.value.faults]


# --- where it is ------------------------------------------------------------------------------------------------------


def test_the_nearest_config_upwards_is_taken(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.evalharness.models]\na = {use = "openai:far"}\n')
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "evalharness.toml").write_text('[models]\na = {use = "openai:near"}\n')
    (tmp_path / "near" / "deep" / "er").mkdir(parents=True)

    near, far = load(tmp_path / "near" / "deep" / "er"), load(tmp_path)

    assert (near.folder, near.file, near.models["a"].ref.target) == (tmp_path / "near", "evalharness.toml", "near")
    assert (far.folder, far.file, far.models["a"].ref.target) == (tmp_path, "pyproject.toml", "far")


def test_a_pyproject_of_something_else_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_text('[models]\na = {use = "openai:x"}\n')
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\n")

    assert load(tmp_path / "part").folder == tmp_path


def test_the_search_ends_at_the_root_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_text('[models]\na = {use = "openai:x"}\n')
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / "deep").mkdir()

    assert load(tmp_path / "repository" / "deep") == Config(tmp_path / "repository")


def test_results_live_in_the_configs_folder(tmp_path: Path) -> None:
    config = written(tmp_path, "")

    assert (config.state, config.baselines, config.reports) == (
        tmp_path / ".evalharness",
        tmp_path / "baselines",
        tmp_path / "reports",
    )


def test_two_configs_in_one_folder_are_a_fault(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.evalharness]\n")

    assert told(tmp_path, "") == [
        "evalharness.toml: [tool.evalharness] stands in pyproject.toml beside it, and one of them would be ignored\n"
        "  hint: keep one of the two"
    ]


# --- what it may say --------------------------------------------------------------------------------------------------

WHOLE = """
at_once = 8
budget = 2.5
scorers = ["checks/ours.py"]

[models.base]
use = "openai:gpt-4o-mini"

[models.lora]
use = "openai:my-lora"
base_url = "http://localhost:8000/v1/"
api_key_env = "VLLM_KEY"
params = { temperature = 0, stop = ["\\n"] }
extra_body = { lora = [{ id = 0, scale = 1.0 }] }
system = ""
context = "{{ passages }}\\n\\n{{ ask }}"
server = "vllm-a"
drop = ["seed"]
price = { input = 2.5, output = 10 }
at_once = 2
a_minute = 60
tokens_a_minute = 90_000
seconds = 30
tries = 2
"""


@pytest.mark.parametrize(
    ("name", "text", "prefix"),
    [
        ("evalharness.toml", WHOLE, ""),
        (
            "pyproject.toml",
            "[tool.evalharness]" + WHOLE.replace("[models", "[tool.evalharness.models"),
            "tool.evalharness.",
        ),
    ],
)
def test_every_setting_of_a_model_is_read(tmp_path: Path, name: str, text: str, prefix: str) -> None:
    config = written(tmp_path, text, name)

    assert (config.at_once, config.budget, config.scorers) == (8, 2.5, (tmp_path / "checks/ours.py",))
    assert config.arm("base") == Arm(
        ModelRef("base", "openai:gpt-4o-mini"), at_once=8, folder=tmp_path, file=name, place=f"{prefix}models.base"
    )
    assert config.arm("lora") == Arm(
        ModelRef(
            "lora",
            "openai:my-lora",
            base_url="http://localhost:8000/v1",
            server="vllm-a",
            params={"temperature": 0, "stop": ["\n"]},
            extra_body={"lora": [{"id": 0, "scale": 1.0}]},
            system="",
            context="{{ passages }}\n\n{{ ask }}",
            drop=("seed",),
        ),
        api_key_env="VLLM_KEY",
        price=Price(2.5, 10.0),
        at_once=2,
        a_minute=60,
        tokens_a_minute=90_000,
        seconds=30.0,
        tries=2,
        folder=tmp_path,
        file=name,
        place=f"{prefix}models.lora",
    )


@pytest.mark.parametrize("use", ["openai:gpt-4o-mini", "replay:said.jsonl#outputs.a", "command:python answer.py -x"])
def test_a_model_may_be_spelt_out_in_place_of_a_name(tmp_path: Path, use: str) -> None:
    arm = Config(tmp_path, at_once=4).arm(use)

    assert arm == Arm(ModelRef(use, use), at_once=4, folder=tmp_path, place=f"model '{use}'")


def test_a_name_beats_what_could_be_spelt_out(tmp_path: Path) -> None:
    config = written(tmp_path, '[models."openai:x"]\nuse = "openai:y"\n')

    assert config.arm("openai:x").ref.target == "y"


def test_an_unknown_name_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    config = written(tmp_path, '[models]\nbase = {use = "openai:x"}\ntuned = {use = "openai:y"}\n')

    with pytest.raises(UnknownName) as caught:
        config.arm("tund")

    assert str(caught.value) == "evalharness.toml: there is no model 'tund'\n  hint: did you mean 'tuned'?"


def test_the_bare_id_of_a_tuned_model_is_told_how_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        Config(tmp_path).arm("ft:gpt-4o-mini:acme::abc123")

    assert str(caught.value) == (
        "there is no model 'ft:gpt-4o-mini:acme::abc123'\n  hint: did you mean 'openai:ft:gpt-4o-mini:acme::abc123'?"
    )


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_bytes(b'\xef\xbb\xbf[models.a]\r\nuse = "openai:x"\r\n')

    assert load(tmp_path).arm("a").ref.use == "openai:x"


DOCS = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL))
def test_every_config_in_the_docs_is_in_order(tmp_path: Path, text: str) -> None:
    assert written(tmp_path, text).models


def test_the_docs_name_every_setting_of_a_model(tmp_path: Path) -> None:
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", DOCS, re.MULTILINE)))
    text = '[models.a]\nuse = "openai:x"\nzzzzzzzzzz = 1\n'

    (fault,) = told(tmp_path, text)

    assert set(fault.rpartition("known: ")[2].split(", ")) <= set(named)


# --- what is wrong with it --------------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_with_the_key_of_each(tmp_path: Path) -> None:
    text = """
budgt = 5
[models.base]
use = "openai:x"
prce = { input = 1, output = 2 }
[models.tuned]
tries = "five"
price = { input = -1 }
"""
    assert told(tmp_path, text) == [
        "evalharness.toml: models.base.prce: unknown setting\n  hint: did you mean 'price'?",
        'evalharness.toml: models.tuned.use: missing\n  hint: for example use = "openai:gpt-4o-mini"',
        "evalharness.toml: models.tuned.price.input: expected a number of USD, 0 or more, got -1",
        "evalharness.toml: models.tuned.price.output: missing\n"
        "  hint: in USD a million tokens, for example { input = 0.15, output = 0.6 }",
        "evalharness.toml: models.tuned.tries: expected a whole number from 1, got 'five'",
        "evalharness.toml: budgt: unknown setting\n  hint: did you mean 'budget'?",
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("use = 5", "use: expected a text, got 5"),
        ('use = "gpt-4o"', "use: expected KIND:TARGET, got 'gpt-4o'"),
        ('use = "ft:gpt-4o:acme::1"', "use: 'ft:gpt-4o:acme::1' names no kind of model"),
        ('use = "openai:"', "use: expected KIND:TARGET, got 'openai:'"),
        ('use = "openai:x"\nbase_url = "localhost:8000"', "base_url: expected http://HOST/PATH or https://HOST/PATH"),
        ('use = "openai:x"\nbase_url = "http://a:b@c/v1"', "base_url: a URL with a user name or password, which would"),
        ('use = "openai:x"\nbase_url = "http://c/v1?key=1"', "base_url: a URL with a query or fragment"),
        ('use = "openai:x"\nbase_url = "http://[::1"', "base_url: not a URL"),
        ('use = "openai:x"\nbase_url = "http://c:99999/"', "base_url: not a URL"),
        ('use = "openai:x"\nat_once = 0', "at_once: expected a whole number from 1, got 0"),
        ('use = "openai:x"\nat_once = true', "at_once: expected a whole number from 1, got True"),
        ('use = "openai:x"\nseconds = 0', "seconds: expected seconds above 0, got 0"),
        ('use = "openai:x"\nseconds = inf', "seconds: expected seconds above 0, got inf"),
        ('use = "openai:x"\nseconds = 1' + "0" * 400, "seconds: expected seconds above 0, got 1000"),
        ('use = "openai:x"\nparams = 5', "params: expected a table, got 5"),
        ('use = "openai:x"\nparams = {a = nan}', "params: 'a' is nan, which JSON cannot hold"),
        ('use = "openai:x"\nparams = {a = [{b = 2026-11-22}]}', "params: 'a.b' is a date, which JSON cannot hold"),
        ('use = "openai:x"\ndrop = "seed"', "drop: expected a list of texts, got 'seed'"),
        ('use = "openai:x"\ndrop = [" "]', "drop: an empty text"),
        ('use = "openai:x"\nprice = 5', "price: expected a table, got 5"),
        ('use = "openai:x"\nprice = {input = 1, output = 1, cached = 1}', "price.cached: unknown setting"),
        ('use = "openai:x"\nprice = {input = true, output = 1}', "price.input: expected a number of USD"),
        ('use = "openai:x"\nmodel = "x"', 'model: unknown setting\n  hint: use = "openai:NAME" names the model'),
        ('use = "openai:x"\ntemperature = 0', "temperature: unknown setting\n  hint: what is sent with a question"),
    ],
)
def test_a_wrong_setting_is_told_by_its_key(tmp_path: Path, line: str, fault: str) -> None:
    (found,) = told(tmp_path, f"[models.base]\n{line}\n")

    assert found.startswith(f"evalharness.toml: models.base.{fault}")


@pytest.mark.parametrize("key", ["sk-proj-abc123", "sk proj", "7key", "gskAbCdEfGhIjKlMnOpQrStUvWx"])
def test_a_key_pasted_for_the_name_of_its_variable_is_not_shown(tmp_path: Path, key: str) -> None:
    (found,) = told(tmp_path, f'[models.base]\nuse = "openai:x"\napi_key_env = "{key}"\n')

    assert key not in found
    assert found == (
        "evalharness.toml: models.base.api_key_env: expected the name of a variable\n"
        "  hint: the key itself belongs in that variable, and in no file"
    )


def test_a_key_in_the_config_is_told_where_it_belongs_and_not_shown(tmp_path: Path) -> None:
    (found,) = told(tmp_path, '[models.base]\nuse = "openai:x"\napi_key = "sk-0123456789"\n')

    assert found == (
        "evalharness.toml: models.base.api_key: unknown setting\n"
        '  hint: keys come from the environment: api_key_env = "NAME" names the variable'
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[models\n", "evalharness.toml:1:8: not TOML: expected ']' at the end of a table declaration"),
        ('[models.a]\nuse = "x"\nuse = "y"\n', "evalharness.toml:3:10: not TOML: cannot overwrite a value"),
        ('a = "', "evalharness.toml: not TOML: unterminated string"),
        ("a = " + "[" * 100_000, "evalharness.toml: not TOML: a number too long, or tables nested too deep"),
        ("a = " + "1" * 5_000, "evalharness.toml: not TOML: a number too long, or tables nested too deep"),
        ("models = 5", "evalharness.toml: models: expected a table, got 5"),
        ("models.a = 5", "evalharness.toml: models.a: expected a table, got 5"),
        ("scorers = [5]", "evalharness.toml: scorers: expected a text, got 5"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_where(tmp_path: Path, text: str, fault: str) -> None:
    assert told(tmp_path, text) == [fault]


def test_a_pyproject_section_that_is_no_table_is_a_fault(tmp_path: Path) -> None:
    assert told(tmp_path, "[tool]\nevalharness = 5\n", "pyproject.toml") == [
        "pyproject.toml: tool.evalharness: expected a table"
    ]


def test_bytes_of_another_encoding_are_a_fault_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_bytes(b'[models.a]\nuse = "openai:\xe9"\n')

    with pytest.raises(Faults) as caught:
        load(tmp_path)

    assert str(caught.value).startswith("evalharness.toml:2:15: byte 0xe9 is not UTF-8")
