"""Loading a line's sources: from a folder of files, or from what the line's own `data.py` fetches."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.errors import NotFound, SourceUnreadable
from assembly_line.names import Parameter
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.models.releases import ReleaseStore

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.cli.target import Target
    from assembly_line.features.model.snapshots import Snapshot

FETCH_SECONDS = 600


def load(session: Session, line: str, folder: Path | None) -> list[Snapshot]:
    """Load every source that the released line declares.

    Raises:
        NotFound: the line is not released, or has no data.py and no folder was given.
        SourceUnreadable: a file is missing or wrong; what was loaded before stays, all of it.
    """
    target = session.target
    target.control.current_release(line)
    with raw_tables(session.lines, line, folder, session.output.note) as files:
        return load_into(target, line, files, session.output.note)


def load_into(target: Target, line: str, files: Path, note: Callable[[str], None]) -> list[Snapshot]:
    """Load `<source>.parquet` for each source of the released line, once every one of them is found in order.

    Raises:
        SourceUnreadable: a file is missing or wrong; no table was replaced.
    """
    release = ReleaseStore(target.store).read(target.control.current_release(line))
    lake = Lake(target.lake, target.client("glue"), target.parameters.value(Parameter.GLUE_DATABASE))
    prepared, loaded = [], []
    with tempfile.TemporaryDirectory(prefix="line-typed-") as folder:
        for name, source in release.line.sources.items():
            if source.sql is not None:
                continue  # a view, made of loaded sources when a dataset is built
            note(f"Checking {name} ...")
            prepared.append(lake.prepare(source, files / f"{name}.parquet", Path(folder) / name))
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
            raise SourceUnreadable(f"{folder}: is not a folder; expected one that holds <source>.parquet files")
        yield folder
        return
    script = lines / line / "data.py"
    if not script.is_file():
        raise NotFound(f"line {line!r} has no {script}; say with --from where its <source>.parquet files are")
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
