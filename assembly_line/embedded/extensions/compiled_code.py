"""The Python code of functions is compiled once, not by each worker again: that was a third of a cold start."""

from __future__ import annotations

import compileall
import io
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack


def install() -> None:
    worker = ministack("core.lambda_runtime", "Worker").Worker
    stock = worker.__init__

    def begin(self: Any, name: str, config: dict[str, Any], code: bytes) -> None:
        stock(self, name, config, compiled(code) if str(config.get("Runtime", "")).startswith("python") else code)

    worker.__init__ = begin


# Every function of the project has the same code.
@lru_cache(maxsize=4)
def compiled(code: bytes) -> bytes:
    """A zip with the compiled form beside each module; what cannot be compiled is left to fail when it is imported.

    Python takes the compiled form unchecked: the times of the files are those of their being unpacked.
    """
    with tempfile.TemporaryDirectory(prefix="compiled-") as place:
        folder = Path(place)
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            archive.extractall(folder)
        compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        whole = io.BytesIO(code)
        with zipfile.ZipFile(whole, "a") as archive:
            known = set(archive.namelist())
            for path in sorted(folder.rglob("*.pyc")):
                name = path.relative_to(folder).as_posix()
                if name not in known:
                    archive.write(path, name)
        return whole.getvalue()
