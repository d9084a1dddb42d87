"""Small wheels, and an index of them in a folder: what pip finds in a test, which must reach no other one."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

# A fixed time: equal wheels are equal bytes.
WRITTEN = (1980, 1, 1, 0, 0, 0)


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    modules: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
    needs: Sequence[str] = (),
) -> Path:
    """A wheel with these modules (file name -> text)."""
    folder.mkdir(parents=True, exist_ok=True)
    information = f"{name}-{version}.dist-info"
    members = {
        **(modules or {}),
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{information}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{member},,\n" for member in [*members, f"{information}/RECORD"])
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**members, f"{information}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(member, WRITTEN), text)
    return path


def only_index(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let pip look for packages in this folder alone."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
