"""The ledger's tables in S3: Parquet by day and generation, and one document that says which of it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.canonical import canonical_json, digest_bytes
from assembly_line.documents import parse_document
from assembly_line.errors import DocumentUnreadable, NotFound
from assembly_line.instants import parse_instant
from assembly_line.ledger import Covered, LedgerState, Part, TailFile, require_columns
from assembly_line.names import LedgerKind, ledger_prefix, ledger_tables_prefix
from assembly_line.storage.services.partial_parquet import LEAST_BYTES, Read, copy_columns

if TYPE_CHECKING:
    from assembly_line.storage.ledger.ledger import Ledger
    from assembly_line.storage.services.objects import ObjectStore

STATE = "state.json"
DATA = "data.parquet"
NAME_LENGTH = 32
JSON = "application/json"
TRANSFERS = 8
# A query that began on a part before may still read it.
KEPT = timedelta(days=1)


class CompactedLedger:
    """What is compacted of one line, and the tail that is not."""

    def __init__(self, objects: ObjectStore, ledger: Ledger, line: str) -> None:
        self._objects = objects
        self._ledger = ledger
        self._line = line
        self._prefix = ledger_tables_prefix(line)

    def exists(self) -> bool:
        """Whether the line's ledger has anything at all."""
        return self._objects.any(ledger_prefix(self._line)) or self._objects.any(self._prefix)

    def state(self) -> tuple[LedgerState, str | None]:
        """What is compacted, and the tag that `commit` wants to see again; nothing at all before the first time."""
        key = f"{self._prefix}{STATE}"
        try:
            content, tag = self._objects.read_tagged(key)
        except NotFound:
            return LedgerState(line=self._line), None
        place = self._objects.uri(key)
        return LedgerState.from_json(parse_document(content, of=place), of=place), tag

    def commit(self, state: LedgerState, tag: str | None) -> bool:
        """Let this be what is compacted. False if somebody else compacted meanwhile: then theirs holds."""
        content = canonical_json(state.to_json())
        return self._objects.replace(f"{self._prefix}{STATE}", content, tag=tag, content_type=JSON)

    def tail(
        self, state: LedgerState, kinds: Collection[LedgerKind] = tuple(LedgerKind), *, decided_on: str | None = None
    ) -> list[TailFile]:
        """The files that are not compacted, in order of kind, day and name.

        Args:
            decided_on: only those that may hold rows of decisions of this day.
        """
        found: list[TailFile] = []
        with ThreadPoolExecutor(TRANSFERS) as pool:
            for files in pool.map(lambda kind: self._open_days(state, kind, decided_on), kinds):
                found += files
        return found

    def covered(self, state: LedgerState, taken: Iterable[TailFile]) -> dict[LedgerKind, dict[str, Covered]]:
        """kind -> day -> what is covered once these files are, with the lists of names that it refers to."""
        names: dict[tuple[LedgerKind, str], set[str]] = defaultdict(set)
        for file in taken:
            names[file.kind, file.day].add(file.name)
        found: dict[LedgerKind, dict[str, Covered]] = defaultdict(dict)
        for (kind, day), more in names.items():
            before = state.covered.get(kind, {}).get(day)
            listed = sorted(more | (self._names(before) if before else set()))
            found[kind][day] = Covered.of(listed)
            self._objects.add_json(self._names_key(found[kind][day]), listed)
        return found

    def rows(self, files: Iterable[TailFile]) -> Iterator[tuple[str, bytes]]:
        """Every row of files of one kind with the file that holds it.

        Raises:
            DocumentUnreadable: a row is not what the line wrote, or lacks what its table needs; names the member.
        """
        with ThreadPoolExecutor(TRANSFERS) as pool:
            waiting = list(files)
            # Few at once, since a file may have sixteen megabytes.
            for start in range(0, len(waiting), TRANSFERS):
                some = waiting[start : start + TRANSFERS]
                for file, texts in zip(some, pool.map(self._texts, some), strict=True):
                    yield from ((file.place, text) for text in texts)

    def fetch(self, parts: Iterable[Part], folder: Path, *, columns: Collection[str] | None = None) -> list[Path]:
        """Copy parts into `folder`; of large ones little but these columns.

        Raises:
            NotFound: a part is gone, as it was replaced more than a day ago.
        """
        folder.mkdir(parents=True, exist_ok=True)
        pairs = [(part, folder / f"{number:06}.parquet") for number, part in enumerate(parts)]
        large = [] if columns is None else [pair for pair in pairs if pair[0].bytes >= LEAST_BYTES]
        reads: list[tuple[Read, int, Path]] = [(partial(self._read, part), part.bytes, path) for part, path in large]
        with ThreadPoolExecutor(TRANSFERS) as pool:
            partly = copy_columns(reads, columns or (), pool) if reads else set()
            whole = [pair for pair in pairs if pair[1] not in partly]
            list(pool.map(lambda pair: self._objects.download(pair[0].key, pair[1]), whole))
        return [path for _, path in pairs]

    def add(self, table: str, day: str, path: Path, *, rows: int, generation: int) -> Part:
        """Keep a file as a part. A repetition keeps it once, as the same content comes under the same name.

        Args:
            generation: the first that names it. A day may become again what it was before, as by a retraction. The
                part of then is deleted some day, so that of now is another one.
        """
        content = path.read_bytes()
        key = f"{self._prefix}{table}/day={day}/{generation:06}-{digest_bytes(content)[:NAME_LENGTH]}/{DATA}"
        self._objects.add(key, content, content_type="application/vnd.apache.parquet")
        return Part(key, len(content), rows)

    def discard(self, state: LedgerState, now: datetime) -> LedgerState:
        """Delete parts that were replaced more than a day ago; the state without them."""
        gone = [key for key, at in state.replaced.items() if parse_instant(at, field="replaced") < now - KEPT]
        for key in gone:
            self._objects.delete(key)
        return state.without_replaced(gone)

    def location(self, key: str = "") -> str:
        """The `s3://` folder of a part, or of all tables."""
        return self._objects.uri(key.removesuffix(DATA) if key else self._prefix)

    def _open_days(self, state: LedgerState, kind: LedgerKind, decided_on: str | None) -> list[TailFile]:
        # The day of a prediction's, a quarantined score's or an outcome's file is that of its decisions.
        days = self._ledger.files(self._line, kind, since=state.settled.get(kind, ""))
        found = []
        for day, names in days.items():
            if decided_on is not None and kind in (LedgerKind.PREDICTIONS, LedgerKind.OUTCOMES) and day != decided_on:
                continue
            covered = state.covered.get(kind, {}).get(day)
            if covered == Covered.of(names):
                continue
            known = self._names(covered) if covered else set()
            found += [TailFile(kind, day, name, size) for name, size in names.items() if name not in known]
        return found

    def _names(self, covered: Covered) -> set[str]:
        return set(self._objects.read_json(self._names_key(covered)))

    def _names_key(self, covered: Covered) -> str:
        return f"{self._prefix}covered/{covered.names}.json"

    def _texts(self, file: TailFile) -> list[bytes]:
        texts = []
        for text, row in self._ledger.texts(self._line, file.kind, file.day, file.name):
            require_columns(file.kind, row)
            texts.append(text)
        return texts

    def _read(self, part: Part, first: int, end: int) -> bytes:
        content, size = self._objects.read_range(part.key, first, end)
        if size != part.bytes:
            raise DocumentUnreadable.about(
                self._objects.uri(part.key), f"{size} bytes", f"{part.bytes} bytes", "compact the ledger again"
            )
        return content
