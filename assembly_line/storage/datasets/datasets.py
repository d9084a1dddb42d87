"""Datasets in S3: plans, attempts, and the manifest whose first writer decides.

The engine is imported where it is used: whoever only reads manifests, as the list of datasets does, starts without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound
from assembly_line.names import dataset_history_prefix, dataset_prefix
from assembly_line.storage.services.objects import ObjectStore

if TYPE_CHECKING:
    from assembly_line.features import DatasetFigures, Manifest, Plan

DATA = "data.parquet"
BUILT = "built.json"
SPARK_ATTEMPT = "spark.json"
QUALITY = "quality.json"
# Earlier datasets that a new one is held against.
HISTORY = 8
LAST_MILLISECOND = 10**14


class DatasetStore:
    """The datasets of the store bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def manifest(self, line: str, dataset_id: str) -> Manifest:
        """What a finished dataset is.

        Raises:
            NotFound: there is no such dataset, or it is not finished.
        """
        found = self.find_manifest(line, dataset_id)
        if found is None:
            raise NotFound(f"line {line!r} has no dataset {dataset_id!r}; `line dataset build {line}` makes one")
        return found

    def find_manifest(self, line: str, dataset_id: str) -> Manifest | None:
        """The manifest, or None while there is none."""
        from assembly_line.features import Manifest

        try:
            found = self._store.read_json(_manifest_key(line, dataset_id))
        except NotFound:
            return None
        return Manifest.from_json(found)

    def download(self, line: str, dataset_id: str, path: Path) -> Manifest:
        """Copy a dataset's rows into a Parquet file, and return its manifest.

        Raises:
            NotFound: there is no such dataset.
        """
        manifest = self.manifest(line, dataset_id)
        self._store.download(self._store.key_of(manifest.data_uri), path)
        return manifest

    def download_checked(self, line: str, dataset_id: str, path: Path) -> Manifest:
        """Copy a dataset's rows into a Parquet file once they are those of its manifest, which is returned.

        Raises:
            NotFound: there is no such dataset.
            DatasetAltered: the rows are not those that were built.
        """
        # The jobs on Spark have no DuckDB, and do not ask.
        from assembly_line.features import opened_dataset, require_rows

        manifest = self.download(line, dataset_id, path)
        with opened_dataset(path) as columns:
            require_rows(manifest, columns)
        return manifest

    def add_manifest(self, manifest: Manifest) -> Manifest | None:
        """Make a dataset exist. The manifest that was there already if there was one: the first is kept."""
        if self._store.add_json(_manifest_key(manifest.line, manifest.dataset_id), manifest.to_json()):
            return None
        return self.manifest(manifest.line, manifest.dataset_id)

    def manifest_uri(self, plan: Plan) -> str:
        return self._store.uri(_manifest_key(plan.line.name, plan.dataset_id))

    def write_plan(self, plan: Plan) -> str:
        """Store a plan, as the latest of its dataset and as that of its release, and return the latter's key.

        Releases may agree on a dataset and not on its quality rules: a request is judged by those of its own.
        """
        key = f"{_prefix(plan)}plans/{plan.release}.json"
        for written in (f"{_prefix(plan)}plan.json", key):
            self._store.write_json(written, plan.to_json())
        return key

    def read_plan(self, key: str, *, older: bool = False) -> Plan:
        """The plan at a key.

        Args:
            older: one that was made under an older version of the semantics is taken too.

        Raises:
            NotFound: there is none.
            RequestRefused: another version of the library made it.
        """
        from assembly_line.features import plan_from_json

        return plan_from_json(self._store.read_json(key), older=older)

    def write_data(self, line: str, dataset_id: str, path: Path) -> str:
        """Store the rows of an attempt and return their key; equal bytes have one key."""
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        key = f"{dataset_prefix(line, dataset_id)}attempts/{content}/{DATA}"
        self._store.upload(path, key)
        return key

    def write_attempt(self, attempt: Mapping[str, Any]) -> str:
        """Keep what a build reported beside the rows that it wrote, and return the key."""
        key = f"{attempt['data_key'].removesuffix(DATA)}{BUILT}"
        self._store.write_json(key, dict(attempt))
        return key

    def read_attempt(self, key: str) -> dict[str, Any]:
        """What a build reported.

        Raises:
            NotFound: there is nothing.
        """
        return dict(self._store.read_json(key))

    def write_spark_attempt(self, plan: Plan, attempt: Mapping[str, Any]) -> None:
        """Say where the Spark job wrote, so that the step after it can find it."""
        self._store.write_json(f"{_prefix(plan)}attempts/{SPARK_ATTEMPT}", dict(attempt))

    def read_spark_attempt(self, plan: Plan) -> dict[str, Any]:
        """What the Spark job reported.

        Raises:
            NotFound: it has not written anything.
        """
        try:
            return dict(self._store.read_json(f"{_prefix(plan)}attempts/{SPARK_ATTEMPT}"))
        except NotFound as error:
            raise NotFound(f"dataset {plan.dataset_id}: no engine has built it; request it again") from error

    def write_quality(self, data_key: str, findings: list[dict[str, Any]]) -> None:
        """Keep what the gate found beside the rows that it judged, and as the latest judgement of the dataset."""
        for folder in (data_key.removesuffix(DATA), data_key.partition("attempts/")[0]):
            self._store.write_json(f"{folder}{QUALITY}", findings)

    def passed_again(self, plan: Plan, rules: str) -> bool:
        """Whether the finished dataset passed these rules when it was asked for under them."""
        return self._store.exists(_judgement_key(plan, rules))

    def write_judgement(self, plan: Plan, rules: str, findings: list[dict[str, Any]], *, passed: bool) -> None:
        """Keep what other rules say of a finished dataset as its latest judgement, and for good if it passed them."""
        self._store.write_json(f"{_prefix(plan)}{QUALITY}", findings)
        if passed:
            self._store.write_json(_judgement_key(plan, rules), {"release": plan.release, "quality": findings})

    def history(self, plan: Plan) -> list[DatasetFigures]:
        """Figures of the latest finished datasets of the plan's kind, the latest first."""
        from assembly_line.features import figures_from_json, kind_of_dataset

        prefix = dataset_history_prefix(plan.line.name, kind_of_dataset(plan))
        return [
            figures_from_json(self._store.read_json(item.key)) for item in islice(self._store.list(prefix), HISTORY)
        ]

    def add_to_history(self, plan: Plan, figures: DatasetFigures, *, created: datetime) -> None:
        """Keep a finished dataset's figures for those that come after it. Writing them again changes nothing."""
        from assembly_line.features import kind_of_dataset

        # Listings go up by key: the time that is left until the last instant goes down.
        left = LAST_MILLISECOND - int(created.timestamp() * 1000)
        prefix = dataset_history_prefix(plan.line.name, kind_of_dataset(plan))
        self._store.write_json(f"{prefix}{left:015}-{plan.dataset_id}.json", figures.to_json())

    def read_data(self, key: str, path: Path) -> None:
        self._store.download(key, path)

    def uri(self, key: str) -> str:
        return self._store.uri(key)


def _prefix(plan: Plan) -> str:
    return dataset_prefix(plan.line.name, plan.dataset_id)


def _judgement_key(plan: Plan, rules: str) -> str:
    return f"{_prefix(plan)}judgements/{rules}.json"


def _manifest_key(line: str, dataset_id: str) -> str:
    return f"{dataset_prefix(line, dataset_id)}manifest.json"
