"""Finished datasets, found by id or its beginning, with the plan that each was built from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assembly_line.errors import DeclarationError, NotFound, RequestRefused
from assembly_line.names import dataset_prefix
from assembly_line.storage.datasets.datasets import QUALITY, DatasetStore
from assembly_line.storage.services.objects import ObjectStore

if TYPE_CHECKING:
    from assembly_line.features import Finding, Manifest, Plan

DATASET = re.compile(r"ds-[0-9a-f]{4,32}")
MANIFEST = "manifest.json"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class FinishedDataset:
    """One dataset that passed its gate."""

    line: str
    dataset_id: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate said of a dataset; `manifest` is None if it was refused when it was built."""

    line: str
    dataset_id: str
    findings: tuple[Finding, ...]
    manifest: Manifest | None


class FinishedDatasets:
    """The finished datasets of the store bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.datasets = DatasetStore(store)

    def of(self, lines: Iterable[str]) -> list[FinishedDataset]:
        """Every finished dataset of these lines, the newest first."""
        found = [self._read(line, name) for line in lines for name in self._named(line, "")]
        return sorted(found, key=lambda dataset: dataset.manifest.created, reverse=True)

    def find(self, text: str, lines: Iterable[str]) -> FinishedDataset:
        """The dataset of one of these lines whose id is, or begins with, this text.

        Raises:
            RequestRefused: the text is no dataset's id, or several begin so.
            NotFound: there is none.
        """
        return self._read(*self._one(text, lines, MANIFEST, "there is no finished dataset"))

    def _one(self, text: str, lines: Iterable[str], kept: str, none: str) -> tuple[str, str]:
        """Line and id of the one dataset that begins so and has an object of that name."""
        if not DATASET.fullmatch(text):
            raise RequestRefused(
                f"dataset {text!r}: expected an id such as ds-0123456789abcdef0123456789abcdef, or its "
                "beginning with at least 4 digits; `line dataset list` shows them",
                where="dataset",
                value=repr(text),
                expected="an id such as ds-0123456789abcdef0123456789abcdef, or its beginning",
            )
        found = [(line, name) for line in lines for name in self._named(line, text, kept)]
        if not found:
            raise NotFound(f"{none} {text!r} here; `line dataset list` shows those there are")
        if len(found) > 1:
            some = ", ".join(name for _, name in found[:SHOWN])
            raise RequestRefused(
                f"dataset {text!r}: {len(found)} begin so: {some}; write more of the id",
                where="dataset",
                value=repr(text),
                expected="the beginning of one id",
            )
        return found[0]

    def judged(self, text: str, lines: Iterable[str]) -> Judgement:
        """The latest judgement of the dataset whose id is, or begins with, this text, refused ones included.

        Raises:
            RequestRefused: the text is no dataset's id, or several begin so.
            NotFound: none was judged.
        """
        from assembly_line.features import finding_from_json

        line, name = self._one(text, lines, QUALITY, "no dataset was judged that is called")
        manifest = self.datasets.find_manifest(line, name)
        # A finished dataset may have been judged again since, by the rules of another release.
        found = self._store.read_json(f"{dataset_prefix(line, name)}{QUALITY}")
        return Judgement(line, name, tuple(finding_from_json(one) for one in found), manifest)

    def plan(self, dataset: FinishedDataset) -> Plan:
        """What it was built from, under whichever version of the semantics.

        Raises:
            RequestRefused: a plan of that version is not understood here; or its line is refused by today's rules.
        """
        from assembly_line.features import REBUILD, SEMANTICS_VERSION

        version = dataset.manifest.semantics
        try:
            return self.datasets.read_plan(f"{dataset_prefix(dataset.line, dataset.dataset_id)}plan.json", older=True)
        except (DeclarationError, RequestRefused) as error:
            raise RequestRefused(
                f"dataset {dataset.dataset_id}: was built under version {version} of the semantics, and its plan "
                f"cannot be read under version {SEMANTICS_VERSION} ({error}); {REBUILD}"
            ) from error

    def _named(self, line: str, beginning: str, kept: str = MANIFEST) -> Iterator[str]:
        # The prefix of no dataset is the folder of all: `datasets/<line>//`.
        folder = dataset_prefix(line, "").removesuffix("/")
        for item in self._store.list(f"{folder}{beginning}"):
            name, _, rest = item.key.removeprefix(folder).partition("/")
            if rest == kept:
                yield name

    def _read(self, line: str, name: str) -> FinishedDataset:
        return FinishedDataset(line, name, self.datasets.manifest(line, name))
