"""The features of a released line, how fresh their sources are, and which released lines use them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound
from assembly_line.features.wording.feature_listing import ListedFeature, Users, listed_features
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.declarations.sources import Source
    from assembly_line.storage import Account

STATIC = "static"
NOT_LOADED = "not loaded"


class Listing:
    """The features of one line's current release.

    Raises:
        NotFound: the line is not released here.
    """

    def __init__(self, account: Account, line: str) -> None:
        self._account = account
        self.line: Line = account.released.current(line)
        others = [name for name in account.control.lines() if name != line]
        self._users = Users({line: self.line, **{name: account.released.current(name) for name in others}})
        self._freshness = {name: self._fresh(source) for name, source in self.line.sources.items()}

    def all(self, matching: str = "") -> list[dict[str, Any]]:
        """Every feature that has all words of the text somewhere, as JSON values."""
        return [self._document(one) for one in listed_features(self.line) if one.matches(matching)]

    def one(self, name: str) -> dict[str, Any]:
        """Everything about one feature.

        Raises:
            NotFound: the line has no such feature.
        """
        found = [one for one in listed_features(self.line) if one.name == name]
        if not found:
            raise NotFound(
                f"line {self.line.name} has no feature {name!r}; it has {', '.join(self.line.features)}; "
                f"`line features search {self.line.name} TEXT` finds features by what they mean",
                where="feature",
                value=repr(name),
                expected=f"one of {', '.join(self.line.features)}",
            )
        (one,) = found
        sources = [self.line.sources[source] for source in one.sources]
        return {
            **self._document(one),
            "line": self.line.name,
            "owner": self.line.owner,
            "baseline": name == self.line.training.baseline,
            "read_from": [{**_described(source), **self._snapshot(source)} for source in sources],
        }

    def _document(self, one: ListedFeature) -> dict[str, Any]:
        return {
            **asdict(one),
            "freshness": {source: self._freshness[source] for source in one.sources},
            "used_by": self._users.of(self.line, one.name),
        }

    def _fresh(self, source: Source) -> str | None:
        """The newest event that is loaded; None where there is none."""
        newest = self._snapshot(source).get("newest_event", NOT_LOADED)
        return newest if newest == NOT_LOADED or not source.static else STATIC

    def _snapshot(self, source: Source) -> dict[str, Any]:
        if source.sql is not None:
            return self._inputs(source)
        try:
            found = self._account.lake.snapshot(source.name)
        except NotFound:
            return {}
        newest = None if found.newest is None else format_instant(found.newest)
        return {"snapshot": found.digest, "rows": found.rows, "newest_event": newest}

    def _inputs(self, view: Source) -> dict[str, Any]:
        """What a view is made of; it is as new as its oldest input, and nothing while one was never loaded."""
        found = [self._snapshot(source) for source in view.inputs]
        if not all(found):
            return {"inputs": [source.name for source in view.inputs], "sql": view.sql}
        times = [one["newest_event"] for one, source in zip(found, view.inputs, strict=True) if not source.static]
        known = [time for time in times if time is not None]
        return {
            "inputs": [source.name for source in view.inputs],
            "sql": view.sql,
            "newest_event": min(known) if known and len(known) == len(times) else None,
        }


def _described(source: Source) -> dict[str, Any]:
    return {
        "source": source.name,
        "description": source.description,
        "event_time": source.event_time,
        "known": _known(source),
        "zone": source.zone,
        "personal": list(source.personal),
    }


def _known(source: Source) -> str:
    from assembly_line.features.wording.wording import duration

    if source.static:
        return "always: its facts carry no time"
    if source.known_time is not None:
        return f"at {source.known_time}"
    return f"{duration(source.delay)} after the event" if source.delay else "at once"
