"""A release means the same everywhere: JSON and back, one digest for one content, no altered script."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assembly_line.errors import DeclarationError, NotFound, RequestRefused
from assembly_line.loader import load_line, load_lines
from assembly_line.release import Release, release_from_json

LINES = Path(__file__).parents[3] / "lines"


@pytest.fixture(scope="module")
def release() -> Release:
    return load_line(LINES, "coupon_redemption")


def test_every_shipped_line_survives_json_unchanged() -> None:
    for shipped in load_lines(LINES).values():
        document = json.loads(json.dumps(shipped.to_json()))
        read = release_from_json(document, shipped.scripts)

        assert read.line == shipped.line
        assert list(read.line.features) == list(shipped.line.features)
        assert read.digest == shipped.digest


def test_another_script_gives_another_digest(release: Release) -> None:
    name = release.line.training.script
    altered = Release(release.line, {**release.scripts, name: release.scripts[name] + b"\n# changed\n"})

    assert altered.digest != release.digest


def test_an_altered_script_is_refused(release: Release) -> None:
    name = release.line.training.inference
    with pytest.raises(NotFound, match=f"script {name} is missing or altered"):
        release_from_json(release.to_json(), {**release.scripts, name: b"import os"})


def test_a_document_of_another_version_is_refused(release: Release) -> None:
    with pytest.raises(RequestRefused, match="version 2"):
        release_from_json({**release.to_json(), "version": 2}, release.scripts)


def test_a_damaged_document_is_refused_with_what_to_do(release: Release) -> None:
    document = release.to_json()
    del document["sources"]["transactions"]
    with pytest.raises(DeclarationError, match="publish the line again"):
        release_from_json(document, release.scripts)


@pytest.mark.parametrize("place", ["line", "source", "kind"])
def test_what_only_a_newer_version_knows_is_named_with_what_to_do(release: Release, place: str) -> None:
    document = json.loads(json.dumps(release.to_json()))
    if place == "line":
        document["line"]["training"]["replicas"], named = 2, "Training.replicas"
    elif place == "source":
        document["sources"]["transactions"]["owner"], named = "sales", "Source.owner"
    else:
        document["line"]["policy"]["$kind"], named = "Bandit", "Bandit"

    with pytest.raises(DeclarationError, match=f"{named}, which is not known here.* `line deploy`"):
        release_from_json(document, release.scripts)


def test_an_unknown_line_names_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"'nothing' is not declared .* coupon_redemption"):
        load_line(LINES, "nothing")


def write_line(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "line.py").write_text(text)
    return folder.parent


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_at_all", "does not import: ModuleNotFoundError"),
        ("LINE = 3", "declares no LINE"),
        ("from assembly_line import Entity\nEntity('x', keys={})", "keys is empty"),
    ],
)
def test_a_line_file_that_fails_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        load_lines(write_line(tmp_path / "broken", text))

    assert "broken/line.py" in str(refused.value)
    assert message in str(refused.value)


def test_a_folder_of_another_name_than_its_line_is_refused(tmp_path: Path) -> None:
    text = (LINES / "coupon_redemption" / "line.py").read_text()
    with pytest.raises(DeclarationError, match="must carry the same name"):
        load_lines(write_line(tmp_path / "other", text))


def test_a_line_without_its_training_script_is_refused(tmp_path: Path) -> None:
    text = (LINES / "coupon_redemption" / "line.py").read_text()
    with pytest.raises(DeclarationError, match=r"script 'train.py' is not in its folder"):
        load_lines(write_line(tmp_path / "coupon_redemption", text))


@pytest.mark.parametrize("kind", ["a folder", "a link to nothing"])
def test_what_is_called_like_a_script_and_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "coupon_redemption"
    write_line(folder, (LINES / "coupon_redemption" / "line.py").read_text())
    if kind == "a folder":
        (folder / "odd.py").mkdir()
    else:
        (folder / "odd.py").symlink_to(tmp_path / "nothing")

    with pytest.raises(DeclarationError, match=r"odd\.py: cannot be read as a script: .*; expected a file"):
        load_lines(tmp_path)
