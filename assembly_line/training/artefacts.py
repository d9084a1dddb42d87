"""Files that a model may consist of: none whose loading executes code, however it is packed."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import BinaryIO

from assembly_line.errors import TrainingRejected
from assembly_line.training.frameworks import safe_formats
from assembly_line.training.packings import Budget, Unreadable, unpacked
from assembly_line.training.pickles import Undecided, holds_pickle

# Formats that are a pickle, or a container of one.
EXECUTABLE_SUFFIXES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth", ".ckpt", ".mar", ".skops")
PREFER = f"prefer formats that cannot execute code, {safe_formats()}"
# Packed in one another; deeper than that nobody looks, so it is refused.
DEEPEST = 4


def check_name(name: str) -> None:
    """Refuse a file by its name.

    Raises:
        TrainingRejected: its suffix is of a format that executes code when it is loaded.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in EXECUTABLE_SUFFIXES:
        raise TrainingRejected(f"model archive: member {name!r}: {suffix} files can execute code when loaded; {PREFER}")


def check_content(name: str, content: BinaryIO, *, most_bytes: int) -> None:
    """Refuse a pickle under any name, alone, behind others, in an array, compressed, or packed in a zip or tar.

    The content is read, never loaded.

    Args:
        most_bytes: so much is unpacked to look into it.

    Raises:
        TrainingRejected: it is or holds one, or cannot be looked into; names the member and what is within.
    """
    _check(name, "", content, Budget(most_bytes), DEEPEST)


def _check(name: str, within: str, content: BinaryIO, budget: Budget, deeper: int) -> None:
    place = f"member {name!r}" + (f": {within} in it" if within else "")
    try:
        if holds_pickle(content):
            raise TrainingRejected(f"model archive: {place} is a pickle, which can execute code when loaded; {PREFER}")
        for inner, packed in unpacked(content, budget):
            if not deeper:
                raise Unreadable(f"is packed more than {DEEPEST} times")
            path = f"{within}/{inner}".removeprefix("/")
            if PurePosixPath(inner).suffix.lower() in EXECUTABLE_SUFFIXES:
                raise TrainingRejected(
                    f"model archive: member {name!r}: {path!r} in it is a pickle by its name, which can execute code "
                    f"when loaded; {PREFER}"
                )
            _check(name, path, packed, budget, deeper - 1)
    except Undecided as error:
        raise TrainingRejected(
            f"model archive: {place} reads as a pickle as far as it was looked at; {PREFER}"
        ) from error
    except Unreadable as error:
        raise TrainingRejected(f"model archive: {place} {error}; save it as it is; {PREFER}") from error
