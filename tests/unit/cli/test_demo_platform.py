"""The demo begins with an empty account, and never throws away what somebody made."""

from __future__ import annotations

from pathlib import Path

from assembly_line.embedded.state_folder import StateFolder


def account(root: Path, *, disposable: bool) -> StateFolder:
    folder = StateFolder(root)
    folder.prepare()
    (folder.objects / "model").write_text("weeks of work")
    if disposable:
        folder.disposable.touch()
    return folder


def test_an_account_that_somebody_worked_in_is_moved_aside_whole(tmp_path: Path) -> None:
    folder = account(tmp_path, disposable=False)
    aside = folder.move_aside_if_kept()

    assert aside is not None
    assert (aside / "s3" / "model").read_text() == "weeks of work"
    assert not folder.account.exists()


def test_what_an_earlier_demo_left_stays_in_place_to_be_replaced(tmp_path: Path) -> None:
    folder = account(tmp_path, disposable=True)

    assert folder.move_aside_if_kept() is None
    assert folder.account.exists()


def test_nothing_there_is_nothing_to_move(tmp_path: Path) -> None:
    assert StateFolder(tmp_path).move_aside_if_kept() is None
