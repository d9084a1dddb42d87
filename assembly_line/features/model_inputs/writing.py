"""The files of model inputs, each named with its digest, in the format that was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assembly_line.canonical import canonical_json
from assembly_line.features.files.session import connect, write_csv, write_parquet
from assembly_line.features.model_inputs.preparing import Part, PreparedDataset, PreparedFold
from assembly_line.features.model_inputs.targets import filled
from assembly_line.features.values.columns import Column
from assembly_line.instants import format_instant, from_micros
from assembly_line.model_types import Format

DATA, IDS, WEIGHTS, GROUPS, FITTED = "data", "ids", "weights", "groups", "fitted"
MEMORY_MIB = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One written file.

    Args:
        name: path below the folder of the model inputs.
        role: `data`, or what stands beside it in the same order of rows: `ids`, `weights`, `groups`; or `fitted`.
    """

    name: str
    role: str
    sha256: str
    bytes: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFold:
    """A fold's files, and its entry in the manifest."""

    files: tuple[File, ...]
    record: dict[str, Any]


def write_inputs(prepared: PreparedDataset, folder: Path, *, format: Format) -> Iterator[WrittenFold]:  # noqa: A002
    """Write one fold after the other, so that memory holds one.

    Args:
        folder: exists, and is empty.
    """
    for fold in prepared.folds:
        yield _write_fold(fold, prepared.meanings, folder, format)


def _write_fold(fold: PreparedFold, meanings: Mapping[str, str], folder: Path, format_: Format) -> WrittenFold:
    within = "" if fold.number is None else f"fold-{fold.number}/"
    (folder / within).mkdir(exist_ok=True)
    fitted_path = folder / f"{within}{FITTED}.json"
    fitted_path.write_bytes(canonical_json(fold.fitted.to_json()))
    fitted = _file(folder, fitted_path, FITTED)
    files, parts = [fitted], []
    for part in fold.parts:
        written = _write_part(part, folder, within, format_)
        files += written
        parts.append({"name": part.name, **part.record, "files": [file.to_json() for file in written]})
    described = [{"name": name, "feature": None, "meaning": words} for name, words in meanings.items()]
    described += [
        {"name": name, "feature": feature, "meaning": words} for name, (feature, words) in fold.fitted.outputs.items()
    ]
    return WrittenFold(
        files=tuple(files),
        record={**fold.record, "fitted": fitted.to_json(), "columns": described, "parts": parts},
    )


def _write_part(part: Part, folder: Path, within: str, format_: Format) -> list[File]:
    tables: dict[str, Mapping[str, Column]] = {DATA: part.columns, IDS: part.ids}
    if part.weights is not None:
        tables[WEIGHTS] = {"weight": filled("float64", part.weights)}
    if part.groups is not None:
        tables[GROUPS] = {"size": filled("int64", part.groups.astype(np.int64))}
    files = []
    with connect(folder, memory_mib=MEMORY_MIB) as connection:
        for role, columns in tables.items():
            name = part.name if role == DATA else f"{part.name}.{role}"
            path = folder / f"{within}{name}.{format_}"
            if format_ == "csv":
                write_csv(connection, {name: _as_text(column) for name, column in columns.items()}, path)
            else:
                write_parquet(connection, columns, path)
            files.append(_file(folder, path, role))
    return files


def _as_text(column: Column) -> Column:
    """Instants as everywhere in the project's JSON; other columns as they are."""
    if column.kind != "timestamp":
        return column
    instants, places = np.unique(column.values, return_inverse=True)
    texts = np.array([format_instant(from_micros(instant)) for instant in instants.tolist()], np.object_)
    return Column("string", texts[places.reshape(-1)], column.valid)


def _file(folder: Path, path: Path, role: str) -> File:
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return File(name=str(path.relative_to(folder)), role=role, sha256=sha256, bytes=path.stat().st_size)
