"""Files that people name."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.errors import Faults
from evalharness.files import MOST_BYTES, decoded, locate, project, quoted, read_text


def fault(path: Path) -> str:
    with pytest.raises(Faults) as caught:
        read_text(path, path.name)
    return str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfsuite: a\r\n")

    assert read_text(path, "a.yaml") == "suite: a\r\n"


def test_a_missing_file_names_one_that_is_nearly_called_so(tmp_path: Path) -> None:
    (tmp_path / "marv.yaml").write_text("")
    (tmp_path / "mary.txt").write_text("")

    assert fault(tmp_path / "mrav.yaml") == "mrav.yaml: there is no such file\n  hint: did you mean 'marv.yaml'?"
    assert fault(tmp_path / "other.yaml") == "other.yaml: there is no such file"
    assert fault(tmp_path / "absent" / "a.yaml") == "a.yaml: there is no such file"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert fault(tmp_path) == f"{tmp_path.name}: this is a folder, not a file"


def test_ten_megabytes_are_read_and_not_a_byte_more(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"#" * MOST_BYTES)
    assert len(read_text(path, "a.yaml")) == 10_000_000

    path.write_bytes(b"#" * (MOST_BYTES + 1))
    assert fault(path).startswith("a.yaml: this file is longer than 10 MB\n")


def test_the_place_of_a_bad_byte_counts_characters() -> None:
    with pytest.raises(Faults) as caught:
        decoded("é: x\n äö".encode() + b"\xe4", "a.yaml")

    assert [(f.line, f.column, f.what) for f in caught.value.faults] == [(2, 4, "byte 0xe4 is not UTF-8")]


def test_a_name_stays_inside_its_project(tmp_path: Path) -> None:
    suites = tmp_path / "work" / "suites"
    suites.mkdir(parents=True)
    (tmp_path / "work" / "evalharness.toml").write_text("")
    (tmp_path / "work" / "rows.txt").write_text("")
    (tmp_path / "outside.txt").write_text("")

    assert project(suites / "a.yaml") == tmp_path / "work"
    assert locate("../rows.txt", suites / "a.yaml").read_text() == ""
    with pytest.raises(ValueError, match="this file lies outside the project"):
        locate("../../outside.txt", suites / "a.yaml")
    with pytest.raises(ValueError, match="not by an absolute path"):
        locate(str(tmp_path / "work" / "rows.txt"), suites / "a.yaml")
    with pytest.raises(ValueError, match="NUL"):
        locate("a\0b", suites / "a.yaml")


def test_without_a_config_the_project_is_the_suites_folder(tmp_path: Path) -> None:
    folder = tmp_path / "suites"
    folder.mkdir()
    (tmp_path / "rows.txt").write_text("")

    assert project(folder / "a.yaml") in (folder, *tmp_path.parents)
    assert locate("rows.txt", folder / "a.yaml") == folder / "rows.txt"


def test_a_link_does_not_lead_out_of_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "evalharness.toml").write_text("")
    (tmp_path / "secret.txt").write_text("")
    (folder / "rows.txt").write_text("")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "in.txt").symlink_to(folder / "rows.txt")
    (folder / "self.txt").symlink_to(folder / "self.txt")

    assert locate("in.txt", folder / "a.yaml").name == "in.txt"
    for name in ("out.txt", "self.txt"):
        with pytest.raises(ValueError, match=r"outside the project|cannot be followed"):
            locate(name, folder / "a.yaml")


def test_text_in_a_message_is_one_short_line_without_hidden_characters() -> None:
    assert quoted("a\nb\x1b[2J\u202e") == r"'a\nb\x1b[2J\u202e'"
    assert quoted("x" * 61) == f"'{'x' * 57}...'"
    assert quoted("größer") == "'größer'"
