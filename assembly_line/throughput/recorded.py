"""Station events as the log keeps them. Their recorder checked them, so that whoever reads them needs no pydantic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from assembly_line.errors import MalformedMessage, RequestRefused
from assembly_line.instants import parse_instant


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
    def from_json(cls, text: str) -> Self:
        """Read one line of the log.

        Raises:
            MalformedMessage: it is no station event.
        """
        try:
            event = json.loads(text)
            return cls(
                id=event["id"],
                line=event["line"],
                station=event["station"],
                item=event["item"],
                kind=event["kind"],
                attempt=event["attempt"],
                at=parse_instant(event["at"], field="at"),
                cause=event.get("cause"),
                text=text,
            )
        except (ValueError, KeyError, TypeError, RequestRefused) as error:
            raise MalformedMessage(f"station event: {text[:200]!r}: expected what the recorder writes") from error
