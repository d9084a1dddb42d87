"""Wheels for an image: the ones of its Python and system, by their hashes, from where pip is told to look."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assembly_line.canonical import digest_bytes
from assembly_line.cli import wheels
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.wheels import fetched, pinned
from assembly_line.errors import RequestRefused
from assembly_line.loader import load_line
from assembly_line.release import Release
from tests.embedded.line_command import LineCommand
from tests.wheels import only_index, write_wheel

LINES = Path(__file__).parents[3] / "lines"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package for three images, one for all, and what it needs."""
    folder = tmp_path / "index"
    for tag in ("cp311-cp311", "cp312-cp312", "cp313-cp313"):
        write_wheel(folder, "reader", "1.2", modules={"reader.py": tag}, tag=f"{tag}-manylinux_2_28_x86_64")
    write_wheel(folder, "reader", "1.2", modules={"reader.py": "arm"}, tag="cp312-cp312-manylinux_2_28_aarch64")
    write_wheel(
        folder, "any_one", "3.0", needs=["numpy>=1.2", "reader", "sympy; extra == 'all'", "far;python_version<'3'"]
    )
    write_wheel(folder, "newer", "1", tag="cp312-cp312-manylinux_2_34_x86_64")
    only_index(monkeypatch, folder)
    return folder


def release(requirements: str, python: str = "3.12") -> Release:
    shipped = load_line(LINES, "coupon_redemption")
    line = replace(shipped.line, training=replace(shipped.line.training, python=python))
    return Release(line, {**shipped.scripts, "requirements.txt": requirements.encode()})


@pytest.mark.parametrize("python", ["3.12", "3.13"])
def test_the_wheel_of_the_images_python_is_pinned_and_fetched(index: Path, python: str) -> None:
    found = pinned(release("reader==1.2\nAny-One==3.0", python))

    tag = f"cp{python.replace('.', '')}"
    name = f"reader-1.2-{tag}-{tag}-manylinux_2_28_x86_64.whl"
    reader, other = found.packages
    assert reader.digest == digest_bytes((index / name).read_bytes())
    assert other.digest == digest_bytes((index / "any_one-3.0-py3-none-any.whl").read_bytes())
    # The reader is carried, sympy is for an extra, and `far` for another Python.
    assert found.needed == ("numpy>=1.2",)
    carried = fetched(release("\n".join(package.pinned for package in found.packages), python))
    assert set(carried) == {name, "any_one-3.0-py3-none-any.whl"}
    assert carried[name] == (index / name).read_bytes()


def test_a_package_without_its_hash_is_not_released(index: Path) -> None:
    with pytest.raises(RequestRefused, match=r"reader==1\.2 has no hash .* `line pin coupon_redemption` writes it"):
        fetched(release("reader==1.2"))


def test_a_wheel_that_is_another_one_than_was_pinned_is_refused(index: Path) -> None:
    (package,) = pinned(release("any_one==3.0")).packages
    write_wheel(index, "any_one", "3.0", modules={"any_one.py": "# altered"})

    for ask in (fetched, pinned):
        with pytest.raises(RequestRefused, match=r"pip fetches no wheel of any_one==3\.0 for Python 3\.12.*HASH"):
            ask(release(package.pinned))


@pytest.mark.parametrize("requirement", ["reader==1.3", "reader==1.2", "absent==1", "newer==1"])
def test_a_package_that_has_no_wheel_for_the_image_is_refused(index: Path, requirement: str) -> None:
    """Of another version, for another Python, of no such name, for a system that is newer than some image's."""
    python = "3.10" if requirement == "reader==1.2" else "3.12"
    with pytest.raises(RequestRefused, match=f"no wheel of {requirement} for Python {python} on Linux") as refused:
        pinned(release(requirement, python))
    assert refused.value.where == "coupon_redemption/requirements.txt"


def test_wheels_that_would_not_fit_beside_a_model_are_refused(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "MOST_BYTES", 100)

    with pytest.raises(RequestRefused, match="they travel in the archive of each model"):
        pinned(release("reader==1.2"))


@pytest.mark.parametrize("said", ["team/churn", "team/churn=/nowhere/python", "=python3"])
def test_an_interpreter_that_is_no_program_is_refused_before_anything_starts(tmp_path: Path, said: str) -> None:
    answer = LineCommand(tmp_path / ".line")("up", "--interpreter", said)

    assert answer.code != ExitCode.OK
    assert f"--interpreter: '{said}': expected REPOSITORY=PYTHON" in answer.err + answer.out
    assert not (tmp_path / ".line").exists()


def test_a_line_without_hashes_is_refused_before_anything_is_deployed(tmp_path: Path) -> None:
    command, lines = LineCommand(tmp_path / ".line"), tmp_path / "lines"
    assert command("new", "shop", "--for", "classification", "--lines", str(lines)).code == ExitCode.OK
    (lines / "shop" / "requirements.txt").write_text("reader==1.2\n", encoding="utf-8")
    declared = lines / "shop" / "line.py"
    text = declared.read_text(encoding="utf-8")
    declared.write_text(text.replace('framework_version="3.2-0"', 'framework_version="3.2-0", python="3.12"'), "utf-8")

    answer = command("deploy", "--lines", str(lines))

    assert answer.code != ExitCode.OK
    assert "reader==1.2 has no hash of its wheel; `line pin shop` writes it" in answer.err + answer.out
    assert not (tmp_path / ".line" / "runtime.json").exists()


def test_the_command_writes_the_hashes_into_the_file_of_the_line(index: Path, tmp_path: Path) -> None:
    command = LineCommand(tmp_path / ".line")
    assert command("new", "shop", "--for", "classification", "--lines", str(tmp_path / "lines")).code == ExitCode.OK
    file, declared = tmp_path / "lines" / "shop" / "requirements.txt", tmp_path / "lines" / "shop" / "line.py"
    file.write_text("# Reads models.\nreader==1.2  # by hand\n", encoding="utf-8")
    text = declared.read_text(encoding="utf-8")
    declared.write_text(text.replace('framework_version="3.2-0"', 'framework_version="3.2-0", python="3.12"'), "utf-8")

    answer = command("pin", "shop", "--lines", str(tmp_path / "lines"))

    assert answer.code == ExitCode.OK, answer.err
    digest = digest_bytes((index / "reader-1.2-cp312-cp312-manylinux_2_28_x86_64.whl").read_bytes())
    assert file.read_text(encoding="utf-8") == f"# Reads models.\nreader==1.2 --hash=sha256:{digest}  # by hand\n"
    assert answer.document == {
        "line": "shop",
        "python": "3.12",
        "packages": [f"reader==1.2 --hash=sha256:{digest}"],
        "needed": [],
    }
    assert json.loads(command("pin", "shop", "--lines", str(tmp_path / "lines")).out) == answer.document
