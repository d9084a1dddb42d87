"""Deleting old datasets, and versions of the lake's objects that no dataset needs any more.

Only versions that were seen before the decision are deleted, by their ids: who builds the same dataset meanwhile writes
new ones. A manifest is hidden first; if then something refers to the dataset after all, it comes back as it was.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assembly_line.features import State, StoredDataset, Verdict, judge
from assembly_line.names import Folder, dataset_prefix
from assembly_line.storage.services.objects import ObjectStore, StoredVersion

MANIFEST = "manifest.json"
PLAN = "plan.json"
References = Callable[[], Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """What one round decided and, unless it was a dry run, did.

    Args:
        leftovers: of datasets that stay: attempts that lost, and plans that were written over.
        lake: versions of source objects that nothing needs.
    """

    verdicts: list[Verdict]
    leftovers: list[StoredVersion]
    lake: list[StoredVersion]

    @property
    def bytes(self) -> int:
        """What goes, or would go."""
        gone = sum(verdict.dataset.bytes for verdict in self.verdicts if not verdict.kept)
        return gone + sum(version.size for version in (*self.leftovers, *self.lake))


class Retention:
    """The datasets of one line.

    Args:
        references: looks up what refers to the line's datasets, now.
    """

    def __init__(self, store: ObjectStore, lake: ObjectStore, line: str, references: References) -> None:
        self._store, self._lake, self._line = store, lake, line
        self._references = references

    def plan(self, *, cutoff: datetime, keep_last: int) -> Retained:
        """Decide, and delete nothing."""
        folders = self._folders()
        verdicts = self._judge(folders, cutoff, keep_last)
        kept = {verdict.dataset.dataset_id for verdict in verdicts if verdict.kept}
        return Retained(
            verdicts=verdicts,
            leftovers=[one for name in sorted(kept) for one in self._leftovers(folders[name], cutoff)],
            lake=self._unneeded(cutoff, going={name for name in folders if name not in kept}),
        )

    def carry_out(self, *, cutoff: datetime, keep_last: int) -> Retained:
        """Decide and delete."""
        folders = self._folders()
        going = _going(self._judge(folders, cutoff, keep_last))
        hidden = {name: self._store.hide(key) for name in going if (key := self._manifest(folders[name]))}
        # Whoever asked for one of them before it was hidden has left a trace by now.
        verdicts = self._judge(self._folders(), cutoff, keep_last, known=folders)
        still = _going(verdicts)
        for name, marker in hidden.items():
            if name not in still:
                self._store.delete_versions([marker])
        for name in going & still:
            self._store.delete_versions(folders[name])
            if name in hidden:
                self._store.delete_versions([hidden[name]])
        rest = self.plan(cutoff=cutoff, keep_last=keep_last)
        self._store.delete_versions(rest.leftovers)
        self._lake.delete_versions(rest.lake)
        return Retained(verdicts=verdicts, leftovers=rest.leftovers, lake=rest.lake)

    def _judge(
        self,
        folders: Mapping[str, Sequence[StoredVersion]],
        cutoff: datetime,
        keep_last: int,
        *,
        known: Mapping[str, Sequence[StoredVersion]] | None = None,
    ) -> list[Verdict]:
        """`known`: the folders as they were before their manifests were hidden; the hiding itself is no use."""
        before = folders if known is None else known
        found = [self._dataset(name, folders[name], before[name]) for name in folders if name in before]
        return judge(found, self._references(), cutoff=cutoff, keep_last=keep_last)

    def _dataset(self, name: str, versions: Sequence[StoredVersion], before: Sequence[StoredVersion]) -> StoredDataset:
        return StoredDataset(
            dataset_id=name,
            state=self._state(before),
            used=max(one.modified for one in versions if not one.marker),
            bytes=sum(one.size for one in before),
        )

    def _folders(self) -> dict[str, list[StoredVersion]]:
        """Dataset id -> every version of every object below it."""
        folder = dataset_prefix(self._line, "").removesuffix("/")
        found: dict[str, list[StoredVersion]] = defaultdict(list)
        for one in self._store.versions(folder):
            name, _, rest = one.key.removeprefix(folder).partition("/")
            if rest and name.startswith("ds-"):
                found[name].append(one)
        return {name: versions for name, versions in found.items() if not all(one.marker for one in versions)}

    def _manifest(self, versions: Iterable[StoredVersion]) -> str | None:
        # Model inputs below the dataset have a manifest too.
        own = (one.key for one in versions if one.visible and _is(one, MANIFEST) and one.key.count("/") == 3)
        return next(own, None)

    def _state(self, versions: Sequence[StoredVersion]) -> State:
        if self._manifest(versions) is not None:
            return "finished"
        return "refused" if any(_is(one, "quality.json") for one in versions) else "unfinished"

    def _leftovers(self, versions: Sequence[StoredVersion], cutoff: datetime) -> Iterator[StoredVersion]:
        """Attempts of a finished dataset that its manifest does not name, and versions that were written over."""
        key = self._manifest(versions)
        if key is None:
            return
        data = self._store.key_of(json.loads(self._store.read(key))["data_uri"])
        attempts = key.removesuffix(MANIFEST) + "attempts/"
        for one in versions:
            orphaned = one.key.startswith(attempts) and one.key.rpartition("/")[0] != data.rpartition("/")[0]
            if one.modified < cutoff and (orphaned or not one.latest):
                yield one

    def _unneeded(self, cutoff: datetime, *, going: set[str]) -> list[StoredVersion]:
        """Versions of the lake's objects that were replaced before the cutoff and that nothing needs: no snapshot in
        force, no dataset of any line that stays. One that is current stays in any case."""
        needed = set(self._needed(going))
        return [
            one
            for one in self._lake.versions(Folder.SOURCES)
            if one.replaced is not None and one.replaced < cutoff and (one.key, one.version) not in needed
        ]

    def _needed(self, going: set[str]) -> Iterator[tuple[str, str]]:
        for item in self._lake.list(Folder.SNAPSHOTS):
            yield from _objects(self._lake.read_json(item.key)["objects"])
        for item in self._store.list(Folder.DATASETS):
            parts = item.key.split("/")
            if len(parts) != 4 or (parts[1] == self._line and parts[2] in going):
                continue
            if parts[3] == MANIFEST:
                for part in self._store.read_json(item.key)["snapshots"].values():
                    yield from _objects(part["objects"])
            elif parts[3] == PLAN:
                for part in self._store.read_json(item.key)["inputs"].values():
                    yield from _objects(part["objects"])


def _going(verdicts: Iterable[Verdict]) -> set[str]:
    return {verdict.dataset.dataset_id for verdict in verdicts if not verdict.kept}


def _objects(documents: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for one in documents:
        yield str(one["key"]), str(one["version"])


def _is(one: StoredVersion, name: str) -> bool:
    return one.key.rpartition("/")[2] == name
