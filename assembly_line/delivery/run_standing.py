"""How a scoring run stands to the line's business clock: whether it decides or fills in the past, and may deliver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assembly_line.documents import STORED, Instant, document_of, read_document
from assembly_line.errors import RequestRefused
from assembly_line.instants import MICROSECOND, format_instant

if TYPE_CHECKING:
    from assembly_line.requests import ScoringRequest

NAMED = 3


class Backfill(StrEnum):
    """Why a run fills in the past: nothing that it says had decided anything."""

    MODEL_KNOWS_MORE = "model_knows_more"
    DATA_KNOWS_MORE = "data_knows_more"
    EARLIER_INSTANT = "earlier_instant"
    ASKED = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPeriod:
    """A run that went into delivery: which decisions, and when by the line's business clock.

    Args:
        until: the first decision time that it left out: the end of its period, or what came after its `as_of`.
    """

    __pydantic_config__ = STORED

    run_id: str
    since: Instant
    until: Instant
    instant: Instant

    def to_json(self) -> dict[str, Any]:
        return document_of(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ScoredPeriod:
        return read_document(cls, document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a scoring request means at an instant of the business clock.

    Args:
        instant: when the run happens: real time, or what a replay declares.
        backfill: why it is a backfill -> that reason in words; empty for a run that decides.
        withheld: nothing is delivered: it is a backfill, and the request does not ask for its delivery.
        again: runs that delivered decisions of the same period before.
    """

    instant: datetime
    backfill: Mapping[Backfill, str]
    withheld: bool
    again: Sequence[ScoredPeriod]

    def require_asked(self, request: ScoringRequest) -> None:
        """Refuse to deliver the same decisions anew unless the request says so.

        Raises:
            RequestRefused: names the runs that delivered them, and what to do.
        """
        if self.again and not self.withheld and not request.again:
            raise RequestRefused(
                f"again: {self.asked()}; say again=true (`line score --again`) to do so",
                where="again",
                value="false",
                expected="true, as decisions of this period were delivered before",
            )

    def asked(self) -> str:
        """What would happen a second time, in words."""
        before = ", ".join(
            f"run {run.run_id} ({format_instant(run.since)} to {format_instant(run.until)})"
            for run in self.again[:NAMED]
        )
        more = f" and {len(self.again) - NAMED} more" if len(self.again) > NAMED else ""
        return f"decisions of this period were delivered before, by {before}{more}; they would all be delivered anew"


def standing(
    request: ScoringRequest,
    *,
    now: datetime,
    model_knows_until: datetime,
    latest: ScoredPeriod | None,
    overlapping: Sequence[ScoredPeriod],
) -> Standing:
    """Place a run on the line's business clock.

    Args:
        now: real time.
        model_knows_until: `as_of` of the dataset that the champion learnt from.
        latest: of the runs that decided, the one with the latest instant.
        overlapping: runs that went into delivery with decisions of this period.

    Raises:
        RequestRefused: the declared instant lies in the future; every later run would come before it.
    """
    if request.at is not None and request.at > now:
        raise RequestRefused(
            f"at: {format_instant(request.at)} lies in the future, it is {format_instant(now)}; a replay declares an "
            "instant of the past; leave it out to score in real time",
            where="at",
            value=format_instant(request.at),
            expected=f"an instant of the past: at most {format_instant(now)}",
        )
    instant = request.at or now
    backfill = _backfill(request, instant, model_knows_until, latest)
    return Standing(
        instant=instant,
        backfill=backfill,
        withheld=bool(backfill) and not request.deliver_backfill,
        again=overlapping,
    )


def data_as_of(request: ScoringRequest) -> datetime:
    """As of when the decisions are looked at: the end of the period, in a replay its instant where that lies within.

    In real time nothing is known beyond now, whatever the period; a replay has the future at hand and must not look.
    One whose instant lies before the whole period knows more than its instant, and is a backfill.
    """
    if request.as_of is not None:
        return request.as_of
    within = request.at is not None and request.since <= request.at < request.until
    return request.at if within and request.at is not None else request.until


def seen_until(until: datetime, *, as_of: datetime) -> datetime:
    """The first decision time that a run leaves out: it decides nothing that comes after its `as_of`."""
    return until if until <= as_of else as_of + MICROSECOND


def _backfill(
    request: ScoringRequest, instant: datetime, knows_until: datetime, latest: ScoredPeriod | None
) -> dict[Backfill, str]:
    shown = format_instant(instant)
    found = {}
    if request.backfill:
        found[Backfill.ASKED] = "the request says that it fills in the past"
    if knows_until > instant:
        known = f"the model knows what was known at {format_instant(knows_until)}"
        found[Backfill.MODEL_KNOWS_MORE] = f"{known}, the run's instant is {shown}"
    if request.at is not None and data_as_of(request) > instant:
        known = f"the decisions are looked at as of {format_instant(data_as_of(request))}"
        found[Backfill.DATA_KNOWS_MORE] = f"{known}, the run's instant is {shown}"
    if latest is not None and instant < latest.instant:
        before = f"run {latest.run_id} scored the line at {format_instant(latest.instant)} already"
        found[Backfill.EARLIER_INSTANT] = f"{before}, the run's instant is {shown}"
    return found


def require_worth_acting(request: ScoringRequest, *, instant: datetime, expires_after: timedelta) -> None:
    """Refuse a period whose last action has expired by the business clock: every consumer would refuse it.

    A replay at the end of the period sees all its decisions. Only of a period as long as the actions last have the
    earliest expired by then.

    Raises:
        RequestRefused: names the instants, and how a replay declares its own.
    """
    if instant - request.until >= expires_after:
        too_long = request.until - request.since >= expires_after
        shorter = f", of a period shorter than {expires_after}" if too_long else ""
        leave_out = ", without as_of" if request.as_of is not None and request.as_of > request.until else ""
        raise RequestRefused(
            f"at: actions for decisions before {format_instant(request.until)} have all expired by "
            f"{format_instant(request.until + expires_after)}, and the run's instant is {format_instant(instant)}; a "
            f"replay of the past declares its instant, such as at={format_instant(request.until)} (`line score --at`)"
            f"{leave_out}{shorter}",
            where="at",
            value=format_instant(instant),
            expected=f"before {format_instant(request.until + expires_after)}, such as {format_instant(request.until)}",
        )
