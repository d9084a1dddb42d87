"""Files that a model may consist of: none whose loading executes code."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO

from assembly_line.errors import TrainingRejected

# Formats that are a pickle, or a container of one.
EXECUTABLE_SUFFIXES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth", ".ckpt", ".mar", ".skops")
# Operations by which a pickle calls what it names.
CALLING = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD", "EXT1", "EXT2", "EXT4"}
PICKLE_MARK = 0x80
NEWEST_PROTOCOL = 5
PREFER = "prefer formats that cannot execute code, such as XGBoost's JSON or UBJ (save_model('model.json')) or ONNX"


def check_name(name: str) -> None:
    """Refuse a file by its name.

    Raises:
        TrainingRejected: its suffix is of a format that executes code when it is loaded.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in EXECUTABLE_SUFFIXES:
        raise TrainingRejected(f"model archive: member {name!r}: {suffix} files can execute code when loaded; {PREFER}")


def check_content(name: str, content: BinaryIO) -> None:
    """Refuse a pickle under any name, alone or inside a zip. The content is read, never loaded.

    Raises:
        TrainingRejected: it is one.
    """
    if _is_pickle(content) or _zip_holds_pickle(content):
        raise TrainingRejected(
            f"model archive: member {name!r} is a pickle, which can execute code when loaded; {PREFER}"
        )


def _is_pickle(content: BinaryIO) -> bool:
    content.seek(0)
    head = content.read(2)
    if len(head) == 2 and head[0] == PICKLE_MARK and head[1] <= NEWEST_PROTOCOL:
        return True
    content.seek(0)
    calls = False
    try:
        # Protocols 0 and 1 have no mark: what reads as a whole pickle and calls something is one.
        for operation, _, _ in pickletools.genops(content):
            calls = calls or operation.name in CALLING
    except (ValueError, UnicodeDecodeError, OverflowError):
        return False
    return calls


def _zip_holds_pickle(content: BinaryIO) -> bool:
    content.seek(0)
    if not zipfile.is_zipfile(content):
        return False
    try:
        with zipfile.ZipFile(content) as archive:
            return any(PurePosixPath(name).suffix.lower() in EXECUTABLE_SUFFIXES for name in archive.namelist())
    except zipfile.BadZipFile:
        return False
