"""Whether the file that somebody names is there and has a name by which it can be read."""

from __future__ import annotations

from pathlib import Path

from assembly_line.errors import SourceUnreadable
from assembly_line.features.files.parquet import PATTERN_CHARACTERS


def check_file(place: str, file: Path) -> None:
    """Refuse a file that is missing, empty, or named so that it cannot be read.

    Raises:
        SourceUnreadable: says which of it, and what to do.
    """
    try:
        there = file.is_file()
        size = file.stat().st_size if there else 0
    except OSError as error:
        raise SourceUnreadable(
            f"{place}: cannot be opened ({error.strerror}); expected the path of a Parquet file"
        ) from error
    if not there:
        raise SourceUnreadable(f"{place}: there is no such file in {file.parent}; expected a Parquet file")
    if not size:
        raise SourceUnreadable(f"{place}: is empty (0 bytes); expected a Parquet file")
    # As the file is read: by the name that links lead to.
    _check_name(place, str(file.resolve()))


def _check_name(place: str, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SourceUnreadable(f"{place}: its path {name!r} is not UTF-8; rename it") from error
    # In a pattern a backslash parts folders, whatever stands around it.
    if "\\" in name and PATTERN_CHARACTERS.search(name):
        raise SourceUnreadable(
            f"{place}: its path {name!r} has a backslash beside one of * ? [, and no such path can be read; rename it"
        )
