"""Station events as the log keeps them. Their recorder checked them, so that whoever reads them needs no pydantic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from assembly_line.documents import TEXT, TEXT_OR_NULL, WHOLE, Allowed, record_of
from assembly_line.errors import MalformedMessage, RequestRefused
from assembly_line.instants import parse_instant

PLACE = "station event"
KINDS = frozenset({"queued", "started", "finished", "failed", "waiting", "sent_back"})
_MEMBERS: Mapping[str, Allowed] = {
    **dict.fromkeys(("id", "line", "station", "item", "at"), TEXT),
    "kind": KINDS,
    "attempt": WHOLE,
    "cause": TEXT_OR_NULL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """What a reader needs of an event.

    Args:
        text: the whole event, as it was written.
    """

    id: str
    line: str
    station: str
    item: str
    kind: str
    attempt: int
    at: datetime
    cause: str | None
    text: str

    @classmethod
    def from_json(cls, content: bytes | str) -> Self:
        """Read one line of the log.

        Raises:
            MalformedMessage: it is no station event.
        """
        try:
            text = content if isinstance(content, str) else content.decode()
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MalformedMessage.about(PLACE, repr(content[:200]), "JSON as the recorder writes it") from error
        event = record_of(parsed, _MEMBERS, of=PLACE, refusal=MalformedMessage)
        named = {name: event[name] for name in _MEMBERS if name != "cause"}
        return cls(**{**named, "at": _at(named["at"])}, cause=event.get("cause"), text=text)


def _at(text: str) -> datetime:
    try:
        return parse_instant(text, field="at")
    except RequestRefused as error:
        raise MalformedMessage.about(f"{PLACE}: at", repr(text[:200]), "an instant") from error
