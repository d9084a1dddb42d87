"""Releases are what they were when published; the control table keeps the first judgement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assembly_line.canonical import digest_bytes
from assembly_line.errors import NotFound
from assembly_line.loader import load_line
from assembly_line.names import release_code_prefix, release_prefix
from assembly_line.release import Release
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training.champions import Champion
from tests.champions import a_champion
from tests.wheels import write_wheel

LINES = Path(__file__).parents[3] / "lines"


def test_a_release_is_read_as_it_was_published(store: ObjectStore) -> None:
    release = load_line(LINES, "coupon_redemption")
    releases = ReleaseStore(store)
    published = releases.publish(release)

    assert published == releases.publish(release) == release.digest
    assert releases.read(published) == release


def test_a_release_whose_script_was_altered_in_the_bucket_is_refused(store: ObjectStore) -> None:
    release = load_line(LINES, "coupon_redemption")
    published = ReleaseStore(store).publish(release)
    store.write(release_code_prefix(published) + release.line.training.script, b"import os")

    with pytest.raises(NotFound, match="missing or altered"):
        ReleaseStore(store).read(published)


def carrying(tmp_path: Path) -> tuple[Release, dict[str, bytes]]:
    """A release with two wheels, and their content."""
    shipped = load_line(LINES, "coupon_redemption")
    wheels = {path.name: path.read_bytes() for path in (write_wheel(tmp_path, name, "1.0") for name in ("b", "a"))}
    requirements = "".join(
        f"{name[0]}==1.0 --hash=sha256:{digest_bytes(content)}\n" for name, content in wheels.items()
    )
    line = replace(shipped.line, training=replace(shipped.line.training, python="3.12"))
    return Release(line, {**shipped.scripts, "requirements.txt": requirements.encode()}), wheels


def test_a_release_has_its_wheels_beside_its_scripts(store: ObjectStore, tmp_path: Path) -> None:
    release, wheels = carrying(tmp_path)
    releases = ReleaseStore(store)
    assert not releases.has(release)

    published = releases.publish(release, wheels)

    assert releases.has(release)
    assert ReleaseStore(store).read(published) == release
    assert list(releases.wheels(release)) == sorted(wheels.items())
    folder = release_code_prefix(published)
    assert store.read(f"{folder}requirements.txt") == b"--no-index\n--find-links wheels\nb==1.0\na==1.0\n"
    assert {each.key for each in store.list(f"{folder}wheels/")} == {f"{folder}wheels/{name}" for name in wheels}
    # Again, without the wheels: they are there.
    assert releases.publish(release) == published
    assert list(releases.wheels(load_line(LINES, "coupon_redemption"))) == []


def test_a_wheel_that_was_altered_in_the_bucket_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    release, wheels = carrying(tmp_path)
    published = ReleaseStore(store).publish(release, wheels)
    store.write(f"{release_code_prefix(published)}wheels/a-1.0-py3-none-any.whl", b"PK another")

    with pytest.raises(NotFound, match=r"wheel a-1\.0-py3-none-any\.whl is altered"):
        list(ReleaseStore(store).wheels(release))


def test_other_wheels_than_the_release_names_are_refused(store: ObjectStore, tmp_path: Path) -> None:
    release, wheels = carrying(tmp_path)
    published = ReleaseStore(store).publish(release, wheels)
    store.write_json(f"{release_prefix(published)}wheels.json", {"a-1.0-py3-none-any.whl": "0" * 64})

    with pytest.raises(NotFound, match=r"other ones than requirements\.txt names"):
        list(ReleaseStore(store).wheels(release))


def test_a_line_without_a_release_says_which_there_are_and_what_to_do(control: ControlTable) -> None:
    control.set_current_release("restock", "a" * 64)
    with pytest.raises(NotFound, match=r"'other' has no release here; released lines: restock; run `line deploy`"):
        control.current_release("other")

    assert control.current_release("restock") == "a" * 64


def promotion(run: str, day: int) -> Champion:
    return a_champion(run, promoted_at=f"2026-11-{day:02}T00:00:00.000000Z")


def test_the_latest_promotion_decides_whatever_the_order_and_number_of_attempts(control: ControlTable) -> None:
    first, second = promotion("a", 1), promotion("b", 2)

    assert control.promote("restock", second)
    assert [control.promote("restock", first), control.promote("restock", second)] == [False, True]
    assert control.champion("restock") == second
    assert control.approvals("restock") == [second, first]
    assert control.approved("restock", "a") == first
    with pytest.raises(NotFound, match=r"run 'c' of line 'restock' was not approved; approved were: b, a"):
        control.approved("restock", "c")


def test_a_promotion_that_another_one_overtakes_while_it_looks_does_not_displace_it(
    control: ControlTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    control.promote("restock", promotion("a", 1))
    real = ControlTable.replace

    def late(self: ControlTable, *arguments: Any, **known: Any) -> bool:
        monkeypatch.undo()
        assert control.promote("restock", promotion("c", 3))
        return real(self, *arguments, **known)

    monkeypatch.setattr(ControlTable, "replace", late)

    assert not control.promote("restock", promotion("b", 2))
    assert control.champion("restock") == promotion("c", 3)


def test_no_champion_says_what_to_do(control: ControlTable) -> None:
    with pytest.raises(NotFound, match="no champion yet; run `line train restock`"):
        control.champion("restock")


def test_the_first_judgement_of_a_run_stands(control: ControlTable) -> None:
    waiting = {"state": "waiting"}
    control.open_review("restock", "run-1", waiting)

    assert control.judge_review("restock", "run-1", {"state": "decided"}, known=waiting)
    assert not control.judge_review("restock", "run-1", {"state": "rejected"}, known=waiting)
    assert control.review("restock", "run-1") == {"state": "decided"}
    assert control.reviews("restock") == [{"state": "decided"}]


def test_a_review_that_is_opened_again_takes_the_new_token_unless_it_is_decided(control: ControlTable) -> None:
    assert control.open_review("restock", "run-1", {"state": "waiting", "token": "1", "opened_at": "first"})
    assert control.open_review("restock", "run-1", {"state": "waiting", "token": "2", "opened_at": "later"})
    assert control.review("restock", "run-1") == {"state": "waiting", "token": "2", "opened_at": "first"}

    assert control.judge_review("restock", "run-1", {"state": "decided"}, known=control.review("restock", "run-1"))

    assert not control.open_review("restock", "run-1", {"state": "waiting", "token": "3", "opened_at": "late"})
    assert control.review("restock", "run-1") == {"state": "decided"}


def test_a_run_has_one_author(control: ControlTable) -> None:
    assert control.add_run("restock", "run-1", {"author": "a"})
    assert not control.add_run("restock", "run-1", {"author": "b"})
    assert control.run("restock", "run-1") == {"author": "a"}


def test_a_line_is_found_behind_a_megabyte_of_other_items(control: ControlTable) -> None:
    """A scan answers with one megabyte at a time, before it filters."""
    for number in range(8):
        control.write("busy", f"run#{number}", {"note": "x" * 300_000})
    control.set_current_release("restock", "a" * 64)
    control.set_current_release("a_line", "b" * 64)

    assert control.lines() == ["a_line", "restock"]


def test_items_are_found_by_their_order(control: ControlTable) -> None:
    for name in ("b#2", "a#1", "b#1", "b#3", "c#1"):
        control.write("restock", name, {"name": name})
        control.write("other", f"{name}-other", {"name": "other"})

    assert [found["name"] for found in control.between("restock", "b#1", "b#2")] == ["b#1", "b#2"]
    assert control.last("restock", "b#") == {"name": "b#3"}
    assert control.last("restock", "d#") is None
