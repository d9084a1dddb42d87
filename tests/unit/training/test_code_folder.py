"""What a container needs beside the scripts: pip makes a wheel of them from the folder alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assembly_line.errors import DeclarationError
from assembly_line.loader import load_line
from assembly_line.release import Release
from assembly_line.training.code_folder import installable
from tests.wheels import write_wheel

LINES = Path(__file__).parents[3] / "lines"


def test_pip_installs_the_shipped_scripts_unchanged_without_an_index(tmp_path: Path) -> None:
    scripts = load_line(LINES, "coupon_redemption").scripts
    folder, target = tmp_path / "code", tmp_path / "installed"
    folder.mkdir()
    for name, content in installable(scripts).items():
        (folder / name).write_bytes(content)
    # The container's toolkit adds this file before it calls pip.
    (folder / "setup.py").write_text("raise SystemExit('setuptools was asked')")

    command = [sys.executable, "-m", "pip", "install", ".", "--no-index", "--target", str(target)]
    subprocess.run(
        command, cwd=folder, check=True, capture_output=True, env={**os.environ, "PIP_CONFIG_FILE": os.devnull}
    )

    assert {path.name: path.read_bytes() for path in target.glob("*.py")} == scripts


def test_a_containers_own_command_installs_what_travels_and_asks_no_index(tmp_path: Path) -> None:
    scripts = {**load_line(LINES, "coupon_redemption").scripts, "requirements.txt": b"travelled==1.0"}
    folder, target = tmp_path / "code", tmp_path / "installed"
    write_wheel(folder / "wheels", "travelled", "1.0", modules={"travelled.py": ""})
    for name, content in installable(scripts).items():
        (folder / name).write_bytes(content)

    # As SageMaker's toolkits call it.
    command = [sys.executable, "-m", "pip", "install", ".", "-r", "requirements.txt"]
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_TARGET": str(target), "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    said = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, **settings}
    )

    assert "Looking in indexes" not in said.stdout
    installed = {path.name for path in target.glob("*.py")}
    assert installed == {"travelled.py", *scripts} - {"requirements.txt"}


@pytest.mark.parametrize("name", ["setup.py", "in_tree_backend.py"])
def test_a_script_may_not_take_the_name_of_what_installs_it(name: str) -> None:
    release = load_line(LINES, "coupon_redemption")

    with pytest.raises(DeclarationError, match=f"script '{name}'.* give yours another name"):
        Release(release.line, {**release.scripts, name: b""})
