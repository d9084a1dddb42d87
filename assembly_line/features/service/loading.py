"""Loading a line's sources: from a folder of files, or from what the line's own `data.py` fetches."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.connectors import reader_of
from assembly_line.errors import NotFound, SourceUnreadable

if TYPE_CHECKING:
    from assembly_line.features.model.snapshots import Snapshot
    from assembly_line.storage import Account

FETCH_SECONDS = 600


def load(
    account: Account, line: str, *, lines: Path, folder: Path | None, note: Callable[[str], None]
) -> list[Snapshot]:
    """Load every source that the released line declares.

    Args:
        lines: where the folder of the line is, with its data.py.
        folder: the `<source>.parquet` files; None for what data.py fetches.
        note: is told what goes on.

    Raises:
        NotFound: the line is not released, or has no data.py and no folder was given.
        SourceUnreadable: a file is missing or wrong; what was loaded before stays, all of it.
    """
    account.control.current_release(line)
    with raw_tables(lines, line, folder, note) as files:
        return load_into(account, line, files, note)


def is_loaded(account: Account, line: str) -> bool:
    """Whether the lake has every source that the released line declares, views aside."""
    return not _missing(account, line)


def require_loaded(account: Account, line: str) -> None:
    """Refuse work of a line before it starts if the lake lacks one of its sources.

    Raises:
        NotFound: the line was never released, or names the sources and the command that loads them.
    """
    if missing := _missing(account, line):
        raise NotFound.about(
            f"line {line}",
            f"never loaded: {', '.join(missing)}",
            "its sources in the lake before work starts",
            f"run `line sources load {line}`",
        )


def _missing(account: Account, line: str) -> list[str]:
    declared = [name for name, source in account.released.current(line).sources.items() if source.sql is None]
    return [name for name in declared if not account.lake.holds(name)]


def load_into(account: Account, line: str, files: Path, note: Callable[[str], None]) -> list[Snapshot]:
    """Load `<source>.parquet` for each source of the released line, once every one of them is found in order.

    Raises:
        SourceUnreadable: a file is missing or wrong; no table was replaced.
    """
    declared = account.released.current(line)
    lake = account.catalogued_lake
    prepared, loaded = [], []
    with tempfile.TemporaryDirectory(prefix="line-typed-") as folder:
        for name, source in declared.sources.items():
            if source.sql is not None:
                continue  # a view, made of loaded sources when a dataset is built
            note(f"Checking {name} ...")
            reader = reader_of("parquet", files / f"{name}.parquet")
            prepared.append(lake.prepare(source, reader, Path(folder) / name))
        for one in prepared:
            note(f"Loading {one.source.name} ...")
            loaded.append(lake.replace(one))
    return loaded


@contextmanager
def raw_tables(
    lines: Path, line: str, folder: Path | None, note: Callable[[str], None], *, within: Path | None = None
) -> Iterator[Path]:
    """The given folder, or a temporary one (below `within`) that the line's data.py filled."""
    if folder is not None:
        if not folder.is_dir():
            raise SourceUnreadable(
                f"{folder}: is not a folder; expected one that holds <source>.parquet files",
                where="--from",
                value=str(folder),
                expected="a folder that holds <source>.parquet files",
            )
        yield folder
        return
    script = lines / line / "data.py"
    if not script.is_file():
        raise NotFound(
            f"line {line!r} has no {script}; say with --from where its <source>.parquet files are",
            where=f"line {line}",
            value=f"no {script.name}",
            expected=f"{script}, or --from",
        )
    with tempfile.TemporaryDirectory(prefix="line-sources-", dir=within) as temporary:
        note(f"Fetching the raw tables of {line} ...")
        answer = subprocess.run(
            [sys.executable, str(script), temporary],
            capture_output=True, text=True, timeout=FETCH_SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if answer.returncode:
            last = (answer.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise SourceUnreadable(f"{script} failed: {last}")
        yield Path(temporary)
