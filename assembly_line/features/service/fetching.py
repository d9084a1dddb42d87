"""A dataset, or its model inputs, as files in a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from assembly_line.errors import Conflict, RequestRefused
from assembly_line.storage import Account, FinishedDataset


def fetch(account: Account, dataset: FinishedDataset, shape: str | None, folder: Path) -> list[Path]:
    """Copy the files and say where they are.

    Args:
        inputs: id of model inputs or its beginning; None for the dataset itself.

    Raises:
        RequestRefused: the folder holds something.
        NotFound: the dataset has no such model inputs.
        Conflict: a file is not what its manifest says.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestRefused(
            f"--to {folder}: is there already and not an empty folder; name a new one",
            where="--to",
            value=str(folder),
            expected="a new or an empty folder",
        )
    if shape is not None:
        manifest = account.inputs.chosen(dataset.line, dataset.dataset_id, shape)
        folder.mkdir(parents=True, exist_ok=True)
        return account.inputs.download(manifest, folder)
    folder.mkdir(parents=True, exist_ok=True)
    data, described = folder / "data.parquet", folder / "manifest.json"
    account.datasets.download(dataset.line, dataset.dataset_id, data)
    _require_content(data, dataset.manifest.data_uri)
    described.write_text(json.dumps(dataset.manifest.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [data, described]


def _require_content(path: Path, uri: str) -> None:
    """Rows lie under the digest of their file.

    Raises:
        Conflict: this file has another.
    """
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    if content not in uri.split("/"):
        path.unlink()
        raise Conflict(f"{uri}: is not what was written there; `line dataset verify` says what differs")
