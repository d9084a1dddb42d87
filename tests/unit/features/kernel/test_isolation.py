"""In isolation, files of data, the network and other programs are out of reach; imports are not."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from assembly_line.features.values.isolation import isolated_call

REACHING: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.read_text(),
    "a file that is named like code": lambda path: path.rename(path.with_name("kept.py")).read_text(),
    "a file that is named like an archive": lambda path: zipfile.ZipFile(path.rename(path.with_name("kept.zip"))),
    "a setting of the system": lambda _: Path("/etc/hosts").read_text(),
    "what the system says of itself": lambda _: Path("/proc/self/environ").read_bytes(),
    "a new file": lambda path: path.with_name("new").write_text("x"),
    "the network": lambda _: socket.create_connection(("127.0.0.1", 9), timeout=0.1),
    "a program": lambda _: subprocess.run(["true"], check=False),
}


@pytest.mark.parametrize("reach", REACHING.values(), ids=REACHING)
def test_what_lies_outside_is_refused(tmp_path: Path, reach: Callable[[Path], object]) -> None:
    path = tmp_path / "kept"
    path.write_text("7")

    with isolated_call(), pytest.raises(PermissionError, match="not among its events"):
        reach(path)

    assert [kept.read_text() for kept in tmp_path.iterdir()] == ["7"]


def test_imports_work_and_other_threads_are_not_concerned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_its_own.py").write_text("VALUE = 7")
    monkeypatch.syspath_prepend(tmp_path)
    read: list[str] = []
    other = threading.Thread(target=lambda: read.append((tmp_path / "of_its_own.py").with_suffix(".txt").read_text()))
    (tmp_path / "of_its_own.txt").write_text("elsewhere")

    with isolated_call():
        found = importlib.import_module("of_its_own")
        other.start()
        other.join()

    del sys.modules["of_its_own"]
    assert (found.VALUE, read) == (7, ["elsewhere"])


def test_libraries_and_time_zones_are_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    with isolated_call():
        importlib.import_module("colorsys")
        zone = ZoneInfo.no_cache("America/New_York")
        typed = Path(np.__file__).with_name("py.typed").read_bytes()

    assert datetime(2017, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=-4)
    assert typed == b""
