"""The files of lines, as they lie in a folder; read without running them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from assembly_line.canonical import digest, digest_bytes
from assembly_line.errors import DeclarationError

CACHES = ("__pycache__", "node_modules")
# The smallest files are read first, so scripts and settings always are, and a folder of raw data is not.
MOST_READ = 16 * 1024 * 1024


def files_digest(folder: Path) -> str:
    """Digest of every file under `folder` that a `line.py` may read, by its place there.

    While it stays, each line stays what it was, as far as this folder makes it. It does not see what a `line.py`
    imports or reads from elsewhere, nor the variables of the process.

    Hidden files and caches do not count. Links to folders are followed, to each folder once. Files are read, the
    smallest first, up to 16 MiB in all. Each further one counts by its size and the time of its last change: copies of
    it have other digests. It takes a fraction of the time that a `line.py` takes to run.

    Raises:
        DeclarationError: a Python file cannot be read.
    """
    files, links = _found(folder)
    content, left = [], MOST_READ
    for place, told in sorted(files.items(), key=lambda file: (file[1].st_size, file[0])):
        left -= told.st_size
        content.append((_text(place), _content(folder / place, told, read=left >= 0)))
    return digest([sorted(content), sorted((_text(place), _text(first)) for place, first in links.items())])


def _found(folder: Path) -> tuple[dict[Path, os.stat_result], dict[Path, Path]]:
    """Files below a folder; and folders there that are another one by a link, each with the place where that is."""
    files: dict[Path, os.stat_result] = {}
    links: dict[Path, Path] = {}
    walked = {os.path.realpath(folder): Path()}
    for root, folders, names in os.walk(folder, followlinks=True):
        at = Path(root).relative_to(folder)
        folders[:] = [name for name in sorted(folders) if _counts(name)]
        for name in tuple(folders):
            first = walked.setdefault(os.path.realpath(Path(root, name)), at / name)
            if first != at / name:
                links[at / name] = first
                folders.remove(name)
        files |= {at / name: told for name in names if _counts(name) and (told := _told(Path(root, name)))}
    return files, links


def _counts(name: str) -> bool:
    return not name.startswith(".") and name not in CACHES


def _told(path: Path) -> os.stat_result | None:
    """What the system says of a file; None of what is none, such as a link to nothing."""
    with suppress(OSError):
        told = path.stat()
        return told if S_ISREG(told.st_mode) else None
    return None


def _content(path: Path, told: os.stat_result, *, read: bool) -> str | list[int]:
    if path.suffix == ".py":
        return digest_bytes(read_script(path))
    if read:
        with suppress(OSError):
            return digest_bytes(path.read_bytes())
    return [told.st_size, told.st_mtime_ns]


def _text(place: Path) -> str:
    """A name may be no text."""
    return digest_bytes(os.fsencode(place))


def read_script(script: Path) -> bytes:
    """Content of a script.

    Raises:
        DeclarationError: it cannot be read.
    """
    try:
        return script.read_bytes()
    except OSError as error:
        raise DeclarationError(
            f"{script}: cannot be read as a script: {error.strerror or error}; expected a file, or another name",
            where=str(script),
            value=error.strerror or str(error),
            expected="a file that can be read",
        ) from error
