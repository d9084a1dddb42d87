"""The Python code of functions is unpacked and compiled once, and not by each worker again."""

from __future__ import annotations

import compileall
import hashlib
import os
import tempfile
import threading
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode
from types import SimpleNamespace
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace


def install() -> None:
    runtime = ministack("core.lambda_runtime", "Worker", "zipfile")
    # The emulator calls the last by a name that the module does not have.
    errors = {"BadZipFile": zipfile.BadZipFile, "LargeFileError": zipfile.LargeZipFile}
    replace(runtime, "zipfile", SimpleNamespace(ZipFile=SharedCode, **errors))


class SharedCode(zipfile.ZipFile):
    """Unpacks Python code into one folder for all who ask for it, and gives each a link to that."""

    _unpacked: dict[str, Path] = {}  # noqa: RUF012 - shared on purpose
    _one_at_a_time = threading.Lock()

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """As ZipFile's, where `path` is an empty folder and all members are asked for."""
        folder = Path(path or ".")
        # Code of Node.js gets a link to what its layers hold written into it.
        if not any(name.endswith(".py") for name in self.namelist()):
            super().extractall(path, members, pwd)
            return
        with self._one_at_a_time:
            shared = self._shared()
        folder.rmdir()
        folder.symlink_to(shared, target_is_directory=True)

    def _shared(self) -> Path:
        digest = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        if digest not in self._unpacked:
            folder = Path(tempfile.mkdtemp(prefix="code-"))
            super().extractall(folder)
            # Python takes the compiled form unchecked; a module that cannot be compiled fails when it is imported.
            compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
            for place, _, files in os.walk(folder):
                for name in files:
                    # As on AWS, where code is read-only: one function must not change another's.
                    Path(place, name).chmod(0o444)
            self._unpacked[digest] = folder
        return self._unpacked[digest]
