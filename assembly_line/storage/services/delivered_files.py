"""A line's deliveries as files on S3: parts as they come, a manifest and a success marker last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from assembly_line.canonical import digest_bytes
from assembly_line.delivery import FILES, SUCCESS, WHOLE, OutboundMessage, Sent, rendered
from assembly_line.documents import parse_document
from assembly_line.storage.services.objects import ObjectStore

SCHEMA = "assembly-line/delivered-files"
CONTENT_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


class WholeFiles(NamedTuple):
    """Args: `uri`, `digest`: of the manifest. `files`: how many files it names."""

    uri: str
    digest: str
    files: int


class DeliveredFiles:
    """The folder of one run: the channel `files`.

    Args:
        prefix: of the folder.
        forms: in which forms each part is written, `jsonl` or `csv`.
        described: what the manifest says of the run.
    """

    form = FILES

    def __init__(self, store: ObjectStore, prefix: str, *, forms: Sequence[str], described: dict[str, Any]) -> None:
        self._store = store
        self._prefix = prefix
        self._forms = forms
        self._described = described

    @property
    def uri(self) -> str:
        """The address of the folder."""
        return self._store.uri(self._prefix)

    def publish(self, messages: Sequence[OutboundMessage], *, part: str) -> list[Sent]:
        """Write a part, which never changes afterwards; one result for each message, in order."""
        for form in self._forms:
            key = f"{self._prefix}part-{part}.{form}"
            self._store.add(key, rendered(messages, form), content_type=CONTENT_TYPES[form])
        place = self._store.uri(f"{self._prefix}part-{part}.{self._forms[0]}")
        return [Sent(place) for _ in messages]

    def finish(self) -> None:
        """Write the manifest of all parts, then the marker: whoever sees it sees everything."""
        files = []
        for stored in self._store.list(f"{self._prefix}part-"):
            content = self._store.read(stored.key)
            name = stored.key.removeprefix(self._prefix)
            files.append({"name": name, "bytes": len(content), "digest": digest_bytes(content)})
        manifest = {"schema": SCHEMA, "version": 1, **self._described, "files": files}
        self._store.add_json(f"{self._prefix}{WHOLE}", manifest)
        self._store.add(f"{self._prefix}{SUCCESS}", b"")

    def whole(self) -> WholeFiles:
        """What `finish` wrote, for the announcement of the batch."""
        key = f"{self._prefix}{WHOLE}"
        content = self._store.read(key)
        count = len(parse_document(content, of=key)["files"])
        return WholeFiles(uri=self._store.uri(key), digest=digest_bytes(content), files=count)
