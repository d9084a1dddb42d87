"""Nothing that anything refers to is ever removed, whatever comes in between, and a killed round goes on.

The store and the table are kept in memory, so that many rounds are tried; tests/aws/training/test_expiry.py has the
real calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.names import expired_item, review_item, run_prefix
from assembly_line.storage import RunRetention
from assembly_line.storage.services.objects import StoredObject, StoredVersion

LINE = "coupons"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CUTOFF = LONG_AGO + timedelta(days=365)
FILES = {"run.json": {}, "package.json": {"model_name": "m"}, "model/model.tar.gz": {}}


class KilledError(Exception):
    """The round ends here."""


@dataclass
class World:
    """What the runs left. Each change costs a life before it is made and one after; without one left it is killed."""

    lives: Iterator[int] = field(default_factory=count)
    objects: list[StoredVersion] = field(default_factory=list)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)

    def train(self, run: str) -> None:
        for name in FILES:
            self._put(run_prefix(LINE, run) + name, marker=False)
        self.items[review_item(run)] = {
            "run_id": run,
            "opened_at": "2026-01-01T00:00:00.000000Z",
            "packet": {"metrics": {}},
        }
        self.packages.add(run)

    def whole(self, run: str) -> bool:
        prefix = run_prefix(LINE, run)
        there = {one.key.removeprefix(prefix) for one in self.objects if one.visible and one.key.startswith(prefix)}
        return there == set(FILES) and bool(self.items[review_item(run)]["packet"]) and run in self.packages

    def gone(self, run: str) -> bool:
        left = [one for one in self.objects if one.key.startswith(run_prefix(LINE, run))]
        packet = self.items[review_item(run)]["packet"]
        return not left and not packet and run not in self.packages and expired_item(run) in self.items

    def has_record(self, run: str) -> bool:
        return any(one.visible and one.key == f"{run_prefix(LINE, run)}run.json" for one in self.objects)

    def _put(self, key: str, *, marker: bool) -> StoredVersion:
        self.objects = [replace(one, latest=False) if one.key == key else one for one in self.objects]
        made = StoredVersion(
            key=key,
            version=str(next(self._numbers)),
            size=1,
            modified=LONG_AGO,
            latest=True,
            marker=marker,
            replaced=None,
        )
        self.objects.append(made)
        return made

    def _lose_a_life(self) -> None:
        if next(self.lives, None) is None:
            raise KilledError

    # What the store does.

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """As S3 lists them: by key, the newest first."""
        found = [one for one in self.objects if one.key.startswith(prefix)]
        return iter(sorted(found, key=lambda one: (one.key, -int(one.version))))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return iter([StoredObject(one.key, one.size) for one in self.versions(prefix) if one.visible])

    def read_json(self, key: str) -> Any:
        return FILES["package.json"] if key.endswith("package.json") else {}

    def exists(self, key: str) -> bool:
        return any(one.key == key and one.visible for one in self.objects)

    def hide(self, key: str) -> StoredVersion:
        self._lose_a_life()
        marker = self._put(key, marker=True)
        self._lose_a_life()
        return marker

    def delete_versions(self, versions: Iterable[StoredVersion]) -> None:
        for version in list(versions):
            self._lose_a_life()
            rest = [one for one in self.objects if one.version != version.version]
            newest = max(
                (one for one in rest if one.key == version.key), key=lambda one: int(one.version), default=None
            )
            self.objects = [replace(one, latest=True) if one is newest else one for one in rest]

    # What the table does.

    def runs(self, _line: str) -> Sequence[Mapping[str, Any]]:
        return []

    def reviews(self, _line: str) -> Sequence[Mapping[str, Any]]:
        return [item for name, item in self.items.items() if name.startswith(review_item(""))]

    def expired(self, _line: str) -> Sequence[Mapping[str, Any]]:
        return [item for name, item in self.items.items() if name.startswith(expired_item(""))]

    def read(self, _line: str, item: str) -> Mapping[str, Any] | None:
        return self.items.get(item)

    def add(self, _line: str, item: str, document: dict[str, Any]) -> bool:
        self._lose_a_life()
        self.items.setdefault(item, document)
        self._lose_a_life()
        return True

    def replace(self, _line: str, item: str, document: dict[str, Any], *, known: object) -> bool:
        self._lose_a_life()
        assert self.items[item] == known
        self.items[item] = document
        return True

    # What the registry does.

    def discard_package(self, run: str) -> None:
        self._lose_a_life()
        self.packages.discard(run)

    def discard_model(self, _name: str) -> None:
        self._lose_a_life()


RUNS = [f"run-{number}" for number in range(2)]
SOME = st.sets(st.sampled_from(RUNS))


@settings(max_examples=300)
@given(
    referred=SOME,
    comes=st.lists(SOME, max_size=8),
    lives=st.lists(st.integers(0, 22), min_size=1, max_size=5),
    keep_last=st.integers(0, 2),
)
def test_nothing_referred_to_is_ever_removed_and_a_killed_round_goes_on(
    referred: set[str], comes: list[set[str]], lives: list[int], keep_last: int
) -> None:
    world, named, looks = World(), set(referred), iter(comes)
    read: set[str] = set()
    for run in RUNS:
        world.train(run)

    def references(_: Collection[str]) -> Mapping[str, Sequence[str]]:
        # Whoever wants to refer to a run reads its record first. By the next look, the reference is there.
        named.update(read)
        read.clear()
        read.update(run for run in next(looks, set()) if world.has_record(run))
        return {run: ["run x refers to it"] for run in named}

    memory = cast(Any, world)
    retention = RunRetention(memory, memory, memory, LINE, references)
    for left in lives:
        world.lives = iter(range(left))
        with suppress(KilledError):
            retention.carry_out(cutoff=CUTOFF, keep_last=keep_last)
        assert [run for run in named if expired_item(run) in world.items] == []
    world.lives = count()
    retention.carry_out(cutoff=CUTOFF, keep_last=keep_last)

    assert [run for run in named if not world.whole(run)] == []
    stays = {run for run in RUNS if world.whole(run)}
    assert [run for run in RUNS if run not in stays and not world.gone(run)] == []
    assert len(stays - named) <= keep_last
