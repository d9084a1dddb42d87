"""What of a line's ledger is compacted: one document names every Parquet file and every file of the tail in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from assembly_line.canonical import digest
from assembly_line.documents import BRING_BACK, WRITTEN
from assembly_line.errors import DocumentUnreadable
from assembly_line.names import LedgerKind

SCHEMA = {"schema": "assembly-line/ledger-tables", "version": 1}
# Kinds that are kept by the day on which they came. A file may come late, as long as queues and redrives go back.
BY_ARRIVAL = (LedgerKind.DELIVERIES, LedgerKind.FEEDBACK)
SETTLED_DAYS = 31


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file with a day of a table, under a name of its generation and content. `bytes`: its size."""

    key: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Covered:
    """The files of one kind and day of the tail that are compacted. `names`: digest of the list of their names."""

    files: int
    names: str

    @classmethod
    def of(cls, names: Iterable[str]) -> Covered:
        listed = sorted(names)
        return cls(len(listed), digest(listed))


@dataclass(frozen=True, slots=True)
class TailFile:
    """A file of the tail. `day`: under which it is kept, which need not be that of the decisions. `bytes`: its size."""

    kind: LedgerKind
    day: str
    name: str
    bytes: int

    @property
    def place(self) -> str:
        return f"{self.day}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What is compacted of one line. A reader takes the parts, and of the tail the files that are not covered.

    Args:
        generation: rises with every compaction.
        parts: day of the decisions -> table -> its file.
        tallies: day of the decisions -> figure -> number, see `join_query.tallied`.
        covered: kind -> day of the tail -> its files that the parts hold.
        settled: kind -> the first day of the tail that may get further files; all files of earlier days are covered.
        ambiguous: names under which two different things were said.
        replaced: key of a part that is no longer one -> since when.
    """

    line: str
    generation: int = 0
    parts: Mapping[str, Mapping[str, Part]] = field(default_factory=dict)
    tallies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    covered: Mapping[str, Mapping[str, Covered]] = field(default_factory=dict)
    settled: Mapping[str, str] = field(default_factory=dict)
    ambiguous: tuple[str, ...] = ()
    replaced: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, document: Any, *, of: str) -> LedgerState:
        """Read a state. By hand, since pydantic would take longer to import than a command to answer.

        Raises:
            DocumentUnreadable: it is not what the line wrote.
        """
        try:
            given = {name: document[name] for name in cls.__dataclass_fields__}
            given["parts"] = {
                day: {table: Part(**part) for table, part in tables.items()} for day, tables in given["parts"].items()
            }
            given["covered"] = {
                kind: {day: Covered(**one) for day, one in days.items()} for kind, days in given["covered"].items()
            }
            return cls(**{**given, "ambiguous": tuple(given["ambiguous"])})
        except (AttributeError, KeyError, TypeError) as error:
            raise DocumentUnreadable.about(of, f"{type(error).__name__}: {error}", WRITTEN, BRING_BACK) from error

    def of_table(self, table: str, days: Iterable[str] | None = None) -> dict[str, Part]:
        """day -> part of a table, of all days or of these."""
        wanted = self.parts if days is None else self.parts.keys() & set(days)
        return {day: self.parts[day][table] for day in sorted(wanted) if table in self.parts[day]}

    def without_replaced(self, keys: Iterable[str]) -> LedgerState:
        """The state once these parts are deleted."""
        gone = set(keys)
        return replace(self, replaced={key: at for key, at in self.replaced.items() if key not in gone})

    def after(
        self,
        *,
        parts: Mapping[str, Mapping[str, Part]],
        tallies: Mapping[str, Mapping[str, int]],
        covered: Mapping[LedgerKind, Mapping[str, Covered]],
        ambiguous: Iterable[str],
        settled_day: str,
        at: str,
    ) -> LedgerState:
        """The state once further files of the tail are compacted.

        Args:
            parts, tallies: of the days that they reach, which take the place of those days' own.
            covered: kind -> day -> all files that are covered then.
            settled_day: the first day that may get further files of the kinds that are kept by arrival; empty if that
                is not known.
            at: the instant.
        """
        together = {**self.parts, **{day: {**self.parts.get(day, {}), **tables} for day, tables in parts.items()}}
        kept = {part.key for tables in together.values() for part in tables.values()}
        gone = {part.key for tables in self.parts.values() for part in tables.values()} - kept
        settled: dict[str, str] = {kind: max(settled_day, self.settled.get(kind, "")) for kind in BY_ARRIVAL}
        merged = {kind: {**self.covered.get(kind, {}), **covered.get(kind, {})} for kind in LedgerKind}
        return replace(
            self,
            generation=self.generation + 1,
            parts=dict(sorted(together.items())),
            tallies={**self.tallies, **{day: dict(tallies.get(day, {})) for day in parts}},
            covered={
                kind: {day: one for day, one in sorted(days.items()) if day >= settled.get(kind, "")}
                for kind, days in merged.items()
            },
            settled=settled,
            ambiguous=tuple(sorted({*self.ambiguous, *ambiguous})),
            replaced={**self.replaced, **dict.fromkeys(sorted(gone), at)},
        )
