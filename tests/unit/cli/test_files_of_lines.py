"""Whatever a line.py may read beside itself counts as an edit; what is large does not make a status slow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assembly_line.scripts import MOST_READ, files_digest


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A folder with one line in it, and one that a link leads to."""
    folder = tmp_path / "lines"
    for line in (folder / "reorder", tmp_path / "elsewhere"):
        (line / "sql").mkdir(parents=True)
        for file in ("line.py", "train.py", "windows.json", "sql/view.sql", "raw.parquet"):
            (line / file).write_text("1", encoding="utf-8")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    return folder


def changed(file: str, content: str = "2") -> Callable[[Path], object]:
    return lambda lines: (lines / file).write_text(content, encoding="utf-8")


def led_elsewhere(lines: Path) -> None:
    (lines / "linked").unlink()
    (lines / "linked").symlink_to(lines / "reorder")


EDITS: dict[str, Callable[[Path], object]] = {
    **{file: changed(file) for file in ("reorder/line.py", "reorder/windows.json", "reorder/sql/view.sql", "new.toml")},
    **{f"linked/{file}": changed(f"linked/{file}") for file in ("line.py", "windows.json", "sql/view.sql")},
    "a file is gone": lambda lines: (lines / "reorder/windows.json").unlink(),
    "a file is named otherwise": lambda lines: (lines / "reorder/windows.json").rename(lines / "reorder/other.json"),
    "a link leads elsewhere": led_elsewhere,
    "a link is gone": lambda lines: (lines / "linked").unlink(),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_what_a_line_may_read_is_seen(lines: Path, edit: str) -> None:
    before = files_digest(lines)
    assert files_digest(lines) == before

    EDITS[edit](lines)

    assert files_digest(lines) != before


def test_two_links_to_one_folder_are_told_apart(lines: Path) -> None:
    for name in ("one", "two"):
        (lines / name).symlink_to(lines / "reorder")
    before = files_digest(lines)
    (lines / "two").unlink()
    (lines / "two").symlink_to(lines.parent / "elsewhere")

    assert files_digest(lines) != before


def test_links_that_lead_back_end(lines: Path) -> None:
    (lines / "reorder/up").symlink_to(lines)
    (lines / "reorder/itself").symlink_to(lines / "reorder")
    (lines / "nowhere").symlink_to(lines / "missing")
    (lines.parent / "elsewhere/back").symlink_to(lines)
    before = files_digest(lines)
    changed("reorder/windows.json")(lines)

    assert files_digest(lines) != before


@pytest.mark.parametrize("file", ["reorder/__pycache__/line.pyc", "reorder/.windows.json.swp", ".git/index"])
def test_caches_and_hidden_files_are_no_edit(lines: Path, file: str) -> None:
    before = files_digest(lines)
    (lines / file).parent.mkdir(exist_ok=True)
    changed(file)(lines)

    assert files_digest(lines) == before


def test_a_touched_file_is_no_edit(lines: Path) -> None:
    before = files_digest(lines)
    os.utime(lines / "reorder/windows.json", ns=(1, 1))

    assert files_digest(lines) == before


def test_much_data_is_not_read_and_an_edit_of_it_is_seen(lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        with (lines / f"reorder/raw-{number}.parquet").open("wb") as file:
            file.truncate(MOST_READ)
    read: list[str] = []
    read_bytes = Path.read_bytes

    def noted(path: Path) -> bytes:
        read.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    before = files_digest(lines)
    assert [name for name in read if name.startswith("raw-")] == []
    assert "line.py" in read
    os.utime(lines / "reorder/raw-0.parquet", ns=(1, 1))
    later = files_digest(lines)
    assert later != before

    changed("reorder/windows.json")(lines)
    assert files_digest(lines) != later


def test_small_files_are_read_beside_much_data(lines: Path) -> None:
    (lines / "a").write_bytes(bytes(MOST_READ))
    before = files_digest(lines)
    for file in ("reorder/windows.json", "reorder/train.py"):
        os.utime(lines / file, ns=(1, 1))

    assert files_digest(lines) == before
