"""Who begins anew removes nothing that somebody made: not in a fresh account, and not in a demo's."""

from __future__ import annotations

from pathlib import Path

import pytest

from assembly_line.embedded.state_folder import StateFolder
from assembly_line.embedded.state_snapshots import restore


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    """An account that a demo left, closed cleanly."""
    folder = StateFolder(tmp_path)
    folder.prepare()
    (folder.objects / "model").write_text("of the demo")
    (folder.services / "dynamodb.json").write_text("{}")
    folder.clean.touch()
    folder.mark_disposable()
    return folder


def start_and_stop(folder: StateFolder) -> None:
    """What every start and stop does to the account's files, whatever is done in between."""
    folder.clean.unlink()
    folder.saved.write_text('{"cut": [], "waiting": []}')
    (folder.services / "dynamodb.json").write_text("{}")
    folder.clean.touch()


def work(folder: StateFolder, kind: str) -> None:
    match kind:
        case "an object":
            (folder.objects / "mine").write_text("weeks of work")
        case "a changed object":
            (folder.objects / "model").write_text("of my own!!")
        case "an item":
            (folder.services / "dynamodb.json").write_text('{"review": "approved"}')
        case "a registry entry":
            (folder.sagemaker / "registry.json").write_text("{}")
        case "a removed object":
            (folder.objects / "model").unlink()
        case _:
            raise AssertionError(kind)


def test_what_a_demo_left_is_removed(folder: StateFolder) -> None:
    start_and_stop(folder)

    assert folder.give_way() is None
    assert not folder.account.exists()
    assert not list(folder.root.glob("kept-*"))


@pytest.mark.parametrize("kind", ["an object", "a changed object", "an item", "a registry entry", "a removed object"])
def test_work_in_a_demos_account_is_moved_aside_whole(folder: StateFolder, kind: str) -> None:
    start_and_stop(folder)
    work(folder, kind)
    before = {
        path.relative_to(folder.account): path.read_bytes() for path in folder.account.rglob("*") if path.is_file()
    }

    aside = folder.give_way()

    assert aside is not None
    assert not folder.account.exists()
    assert {path.relative_to(aside): path.read_bytes() for path in aside.rglob("*") if path.is_file()} == before


def test_an_account_that_no_demo_made_is_moved_aside(folder: StateFolder) -> None:
    folder.disposable.unlink()

    assert folder.give_way() is not None


def test_a_demos_account_that_was_not_closed_is_moved_aside(folder: StateFolder) -> None:
    folder.clean.unlink()

    aside = folder.give_way()

    assert aside is not None
    assert aside.name.startswith("unclean-")


def test_nothing_there_is_nothing_to_move(tmp_path: Path) -> None:
    assert StateFolder(tmp_path).give_way() is None


def test_a_restored_copy_moves_aside_what_is_there_and_says_so(folder: StateFolder) -> None:
    (folder.snapshots / "deployed").mkdir(parents=True)
    (folder.snapshots / "deployed" / "closed-cleanly").touch()
    work(folder, "an object")
    said: list[str] = []

    restore(folder.root, "deployed", said.append)

    (aside,) = folder.root.glob("kept-*")
    assert (aside / "s3" / "mine").read_text() == "weeks of work"
    assert str(aside) in said[0]
    assert not (folder.objects / "mine").exists()
