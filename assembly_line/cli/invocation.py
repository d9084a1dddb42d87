"""How the user calls this command: `line` where that finds it, else the path that was typed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """Such as `line`, or `.venv/bin/line` where the environment is not activated."""
    called = Path(sys.argv[0])
    if called.name != "line" or not called.is_file():
        return "line"
    found = shutil.which("line")
    if found is not None and Path(found).samefile(called):
        return "line"
    return os.path.relpath(called)
