"""Who works a case: one person holds it at a time, and the holder alone may decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from assembly_line.errors import Conflict
from assembly_line.instants import format_instant

Standing = Literal["held", "released", "decided"]
# Of earlier holders the last ones are kept, so that each can be told what happened.
REMEMBERED = 10
# A decision is on its way into the queue for less.
SENDING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the control table holds of a case. Instants are real time, in the ledger's form.

    Args:
        by: the principal who took it last.
        at, until: since when, and until when the case is held.
        revision, recommended: of the prediction that was in force when it was taken.
        event: what the holder decided, as it is or will be sent. It counts once the standing is `decided`.
        before: earlier holders: `by`, `at`, `until`, and how it `ended`.
    """

    decision_id: str
    standing: Standing
    by: str
    at: str
    until: str
    revision: int
    recommended: str
    event: Mapping[str, Any] | None = None
    before: tuple[Mapping[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "before": list(self.before)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        given = {name: document[name] for name in cls.__dataclass_fields__}
        return cls(**{**given, "before": tuple(given["before"])})

    def holds(self, now: datetime) -> bool:
        """Whether somebody works the case now."""
        return self.standing == "held" and self.until > format_instant(now)


def taken(
    known: Claim | None,
    *,
    decision_id: str,
    by: str,
    now: datetime,
    hold: timedelta,
    revision: int,
    recommended: str,
) -> Claim:
    """The claim of who takes a case. Whoever holds it already holds it anew.

    Raises:
        Conflict: somebody else holds it, or it is decided.
    """
    before: tuple[Mapping[str, str], ...] = ()
    if known is not None:
        if known.standing == "decided" or (known.holds(now) and known.by != by):
            raise _conflict(known, _why_not(known, now))
        before = known.before if known.holds(now) else (*known.before, _past(known))[-REMEMBERED:]
    return Claim(
        decision_id=decision_id,
        standing="held",
        by=by,
        at=format_instant(now),
        until=format_instant(now + hold),
        revision=revision,
        recommended=recommended,
        before=before,
    )


def released(known: Claim | None, *, decision_id: str, by: str, now: datetime) -> Claim:
    """The claim once its holder gave the case back.

    Raises:
        Conflict: the caller does not hold it.
    """
    return replace(held(known, decision_id=decision_id, by=by, now=now), standing="released", until=format_instant(now))


def held(known: Claim | None, *, decision_id: str, by: str, now: datetime) -> Claim:
    """The claim, if the caller holds the case.

    Raises:
        Conflict: the caller does not; says who does, and what became of the caller's own claim.
    """
    if known is None:
        raise Conflict.about(f"case {decision_id}", "nobody took it", "a case that you hold", "take it first")
    if known.by == by and known.holds(now):
        return known
    raise _conflict(known, _own_end(known, by) + _why_not(known, now))


def deciding(known: Claim, event: Mapping[str, Any], *, now: datetime) -> Claim:
    """The claim while a decision is sent: nobody may take the case meanwhile."""
    return replace(known, event=dict(event), until=max(known.until, format_instant(now + SENDING)))


def decided(known: Claim) -> Claim:
    """The claim once its decision was sent."""
    return replace(known, standing="decided")


def _conflict(known: Claim, found: str) -> Conflict:
    advice = "look at another case" if known.standing == "decided" else "take another one, or this one once it is free"
    return Conflict.about(f"case {known.decision_id}", found, "a case that you hold", advice)


def _own_end(known: Claim, by: str) -> str:
    """What became of the caller's own claim, if there was one."""
    for one in reversed(known.before):
        if one["by"] == by and known.by != by:
            how = "you gave it back at" if one["ended"] == "released" else "your hold ended at"
            return f"{how} {one['until']}; then {known.by} took it at {known.at}; "
    return ""


def _why_not(known: Claim, now: datetime) -> str:
    if known.standing == "decided":
        said = known.event or {}
        return f"{known.by} decided it at {said.get('at')}: {said.get('action')} ({said.get('reason')})"
    if known.holds(now):
        return f"{known.by} holds it until {known.until}"
    if known.standing == "released":
        return f"{known.by} gave it back at {known.until}, and nobody took it since"
    return f"the hold of {known.by} ended at {known.until}, and nobody took it since"


def _past(known: Claim) -> dict[str, str]:
    ended = "released" if known.standing == "released" else "expired"
    return {"by": known.by, "at": known.at, "until": known.until, "ended": ended}
