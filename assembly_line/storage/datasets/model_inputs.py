"""Model inputs in S3, below their dataset: files under a name of their content, first manifest kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assembly_line.canonical import digest
from assembly_line.errors import Conflict, NotFound, RequestRefused
from assembly_line.features import (
    Column,
    Facts,
    inputs_id_of,
    inputs_manifest,
    inputs_result,
    prepare_inputs,
    write_inputs,
)
from assembly_line.model_types import ModelSpec
from assembly_line.names import dataset_prefix
from assembly_line.storage.services.objects import ObjectStore

MANIFEST = "manifest.json"


class ModelInputsStore:
    """The model inputs of the store bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def find(self, facts: Facts, spec: ModelSpec) -> dict[str, Any] | None:
        """What the dataset machine answers of these model inputs, or None while there are none."""
        key = _manifest_key(facts.line, facts.dataset_id, inputs_id_of(facts, spec))
        try:
            found = json.loads(self._store.read(key))
        except NotFound:
            return None
        return inputs_result(found, self._store.uri(key), exists=True)

    def make(
        self, columns: Mapping[str, Column], facts: Facts, spec: ModelSpec, folder: Path, *, memory_mib: int
    ) -> dict[str, Any]:
        """Prepare model inputs, unless another attempt was first; then its files are the answer.

        Args:
            columns: the whole dataset.
            spec: with its defaults resolved.
            folder: for the files on this machine.
            memory_mib: of this machine.

        Raises:
            RequestRefused: the rows do not allow what is asked for.
        """
        prepared = prepare_inputs(columns, facts, spec, memory_mib=memory_mib)
        with TemporaryDirectory(dir=folder) as place:
            written = list(write_inputs(prepared, Path(place), format=spec.format))
            files = [file for fold in written for file in fold.files]
            # Equal bytes have one place; a library that wrote other bytes for the same rows would have another.
            content = digest([file.to_json() for file in files])[:16]
            prefix = f"{inputs_prefix(facts.line, facts.dataset_id)}{inputs_id_of(facts, spec)}/"
            for file in files:
                self._store.upload(Path(place) / file.name, f"{prefix}{content}/{file.name}")
        manifest = inputs_manifest(
            facts,
            spec,
            prepared,
            written,
            files_uri=self._store.uri(f"{prefix}{content}/"),
            created=datetime.now(UTC),
        )
        if self._store.add_json(f"{prefix}{MANIFEST}", manifest):
            return inputs_result(manifest, self._store.uri(f"{prefix}{MANIFEST}"), exists=False)
        first = json.loads(self._store.read(f"{prefix}{MANIFEST}"))
        return inputs_result(first, self._store.uri(f"{prefix}{MANIFEST}"), exists=True)

    def of(self, line: str, dataset_id: str) -> list[dict[str, Any]]:
        """The manifests of all model inputs of a dataset, the newest first."""
        keys = [item.key for item in self._store.list(inputs_prefix(line, dataset_id)) if item.key.endswith(MANIFEST)]
        found = [dict(json.loads(self._store.read(key))) for key in keys]
        return sorted(found, key=lambda manifest: str(manifest["created"]), reverse=True)

    def chosen(self, line: str, dataset_id: str, text: str | None) -> dict[str, Any]:
        """The manifest of the model inputs whose id begins with this text; without a text that of the only ones.

        Raises:
            NotFound: there is none.
            RequestRefused: several fit.
        """
        inputs = self.of(line, dataset_id)
        fitting = [manifest for manifest in inputs if manifest["shape_id"].startswith(text or "")]
        known = ", ".join(f"{manifest['shape_id']} ({manifest['model']['type']})" for manifest in inputs)
        if not fitting:
            raise NotFound(
                f"dataset {dataset_id} has no model inputs {text or ''}; there are {known or 'none'}; `line "
                f"dataset build {line} --for TYPE` with the same request prepares them"
            )
        if len(fitting) > 1:
            raise RequestRefused(
                f"dataset {dataset_id}: {len(fitting)} model inputs fit: {known}; say which with --inputs",
                where="--inputs",
                value=f"{len(fitting)} that fit",
                expected=f"one of {known}",
            )
        return fitting[0]

    def download(self, manifest: Mapping[str, Any], folder: Path) -> list[Path]:
        """Copy every file of model inputs below a folder, their manifest included.

        Raises:
            Conflict: a file is not what the manifest says.
        """
        paths = []
        for file in files_of(manifest):
            path = folder / file["name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            self._store.download(self._store.key_of(f"{manifest['files_uri']}{file['name']}"), path)
            with path.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
            if found != file["sha256"]:
                raise Conflict(
                    f"{manifest['files_uri']}{file['name']}: its digest is {found}, the manifest says {file['sha256']}"
                )
            paths.append(path)
        described = folder / MANIFEST
        described.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return [*paths, described]


def inputs_prefix(line: str, dataset_id: str) -> str:
    return f"{dataset_prefix(line, dataset_id)}shapes/"


def files_of(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every file that a manifest of model inputs names."""
    folds: Sequence[Mapping[str, Any]] = manifest["folds"]
    for fold in folds:
        yield fold["fitted"]
        for part in fold["parts"]:
            yield from part["files"]


def _manifest_key(line: str, dataset_id: str, inputs_id: str) -> str:
    return f"{inputs_prefix(line, dataset_id)}{inputs_id}/{MANIFEST}"
