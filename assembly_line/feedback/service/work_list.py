"""Working a line's cases: see them, take one, give it back, accept or override it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from assembly_line.decision_ids import PATTERN, day_of
from assembly_line.declarations.work_lists import ACCEPTED
from assembly_line.errors import Conflict, NotFound, RequestRefused, SendingFailed
from assembly_line.feedback import claims
from assembly_line.feedback.cases import (
    READ,
    SHOWN,
    Cursor,
    as_values,
    day_before,
    first_day,
    open_cases,
    page_end,
    require_open,
    why,
    why_closed,
)
from assembly_line.feedback.claims import Claim
from assembly_line.feedback.service.submitting import submitted
from assembly_line.instants import format_instant, parse_instant, to_micros
from assembly_line.messages import FEEDBACK_SCHEMA
from assembly_line.names import FeedbackKind, case_item

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.declarations.work_lists import WorkList
    from assembly_line.ledger import OpenLedger
    from assembly_line.requests import AcceptRequest, CasesRequest, OverrideRequest
    from assembly_line.storage import Account

# DuckDB's share of a function that has a gigabyte.
MEMORY_MIB = 512
# Earlier decisions that a case tells.
EARLIER = 10
# Somebody else's write came first, and what it says is looked at again.
TRIES = 3


class _Listed(NamedTuple):
    line: Line
    work_list: WorkList


def cases(account: Account, name: str, asked: CasesRequest, *, by: str, now: datetime) -> dict[str, Any]:
    """A page of the open cases of a line.

    Only the days whose decisions may be open are read. A page that goes on keeps the instant of the first one.

    Raises:
        NotFound: the line has no work list, or no release.
        RequestRefused: the cursor is none, or the instant lies in the future.
    """
    from assembly_line.ledger import opened_since

    line, work_list = _listed(account, name)
    after = None if asked.cursor is None else Cursor.from_text(asked.cursor, order=work_list.order)
    at = _instant(asked.at, now) if after is None else _instant(parse_instant(after.at, field="cursor"), now)
    since = first_day(line, at)
    known = _claims(account, name, since)
    left_out, only = _chosen(known.values(), asked.only, by=by, now=now)
    query, bound = open_cases(
        work_list, format_instant(at), after=after, without=left_out, only=only, limit=asked.limit + 1
    )
    with opened_since(account, name, since, READ, memory_mib=MEMORY_MIB) as ledger:
        found = [as_values(row) for row in ledger.session.rows(query, bound)]
    rows, more = found[: asked.limit], len(found) > asked.limit
    kept = _kept(account, name, rows)
    return {
        "line": name,
        "at": format_instant(at),
        "order": work_list.order,
        "reasons": list(work_list.reasons),
        "actions": list(line.policy.actions),
        "cases": [
            {
                **{column: row[column] for column in SHOWN},
                "why": why(line, kept.get(row["decision_id"])),
                "claim": _told(known.get(row["decision_id"]), by=by, now=now),
            }
            for row in rows
        ],
        "next": page_end(work_list, rows[-1], format_instant(at)).to_text() if more else None,
    }


def case(
    account: Account, name: str, decision_id: str, *, at: datetime | None, by: str, now: datetime
) -> dict[str, Any]:
    """One case: what is recommended and why, what is known, and what was decided before about the same first entity.

    Raises:
        NotFound: the line has no work list, or never scored the decision.
        RequestRefused: the id is none, or the instant lies in the future.
    """
    from assembly_line.ledger import opened_since

    line, work_list = _listed(account, name)
    instant = _instant(at, now)
    day = _day(decision_id)
    since = min(day, day_before(instant, work_list.history))
    with opened_since(account, name, since, (*READ, "outcome"), memory_mib=MEMORY_MIB) as ledger:
        row = _row(ledger, name, decision_id)
        earlier = _earlier(ledger, line, row, format_instant(instant))
    kept = _kept(account, name, [row]).get(decision_id)
    closed = why_closed(row, work_list, format_instant(instant))
    return {
        "line": name,
        "at": format_instant(instant),
        "reasons": list(work_list.reasons),
        "actions": list(line.policy.actions),
        **{column: row[column] for column in SHOWN},
        "open": closed is None,
        "closed_because": closed,
        "known": None if kept is None else kept["known"],
        "why": why(line, kept),
        "claim": _told(_claim(account, name, decision_id), by=by, now=now),
        "earlier": earlier,
    }


def take(
    account: Account, name: str, decision_id: str, *, at: datetime | None, by: str, now: datetime
) -> dict[str, Any]:
    """Take a case, so that nobody else works it until the hold ends. Taking it again holds it anew.

    Raises:
        NotFound: the line has no work list, or never scored the decision.
        Conflict: it is not open, or somebody else holds it.
    """
    line, work_list = _listed(account, name)
    row = _open_row(account, line, work_list, decision_id, _instant(at, now))

    def change(known: Claim | None) -> Claim:
        return claims.taken(
            known,
            decision_id=decision_id,
            by=by,
            now=now,
            hold=work_list.hold,
            revision=row["revision"],
            recommended=row["recommended"],
        )

    return _answer(name, _changed(account, name, decision_id, change), by=by, now=now)


def release(account: Account, name: str, decision_id: str, *, by: str, now: datetime) -> dict[str, Any]:
    """Give a case back, so that others may take it.

    Raises:
        NotFound: the line has no work list.
        Conflict: the caller does not hold it; says what happened.
    """
    _listed(account, name)
    _day(decision_id)

    def change(known: Claim | None) -> Claim:
        return claims.released(known, decision_id=decision_id, by=by, now=now)

    return _answer(name, _changed(account, name, decision_id, change), by=by, now=now)


def accept(
    account: Account, name: str, decision_id: str, asked: AcceptRequest, *, by: str, now: datetime
) -> dict[str, Any]:
    """Confirm what the line recommends, in the name of the holder. The same again changes nothing.

    Raises:
        NotFound: the line has no work list, or never scored the decision.
        Conflict: the caller does not hold the case, it is not open, or the line recommends something else since.
        SendingFailed: the queue did not take the statement; the holder may ask again.
    """
    reason = f"{ACCEPTED}: {asked.text}" if asked.text else ACCEPTED
    return _decide(account, name, decision_id, action=None, reason=reason, at=asked.at, by=by, now=now)


def override(
    account: Account, name: str, decision_id: str, asked: OverrideRequest, *, by: str, now: datetime
) -> dict[str, Any]:
    """Decide otherwise than recommended, in the name of the holder. The same again changes nothing.

    Raises:
        RequestRefused: the reason or the action is not declared, or the action is the recommended one.
        NotFound, Conflict, SendingFailed: as `accept`.
    """
    line, work_list = _listed(account, name)
    if asked.reason not in work_list.reasons:
        raise RequestRefused.about(
            "reason", repr(asked.reason), f"one of {', '.join(work_list.reasons)}, which line {name} declares"
        )
    if asked.action not in line.policy.actions:
        raise RequestRefused.about("action", repr(asked.action), " or ".join(map(repr, line.policy.actions)))
    reason = f"{asked.reason}: {asked.text}"
    return _decide(account, name, decision_id, action=asked.action, reason=reason, at=asked.at, by=by, now=now)


def _decide(
    account: Account,
    name: str,
    decision_id: str,
    *,
    action: str | None,
    reason: str,
    at: datetime | None,
    by: str,
    now: datetime,
) -> dict[str, Any]:
    """The claim holds the decision before the queue gets it, and counts as decided afterwards.

    Whoever is killed in between still holds the case, and asks again: the same event is sent, which counts once.
    """
    line, work_list = _listed(account, name)
    instant = _instant(at, now)
    _day(decision_id)
    known = _claim(account, name, decision_id)
    if known is not None and known.standing == "decided" and known.by == by and _same(known, action, reason):
        return _answer(name, known, by=by, now=now)
    held = claims.held(known, decision_id=decision_id, by=by, now=now)
    if held.event is not None and _same(held, action, reason):
        # It was on its way already, and may have arrived.
        event = held.event
    else:
        _require_unchanged(held, _open_row(account, line, work_list, decision_id, instant), action)
        event = {
            "schema": FEEDBACK_SCHEMA,
            "version": 1,
            "kind": str(FeedbackKind.OVERRIDE),
            "event_id": f"work-list-{decision_id}-{to_micros(now)}",
            "line": name,
            "decision_id": decision_id,
            # It only rises, so that what is said last holds.
            "sequence": to_micros(now),
            "at": format_instant(instant),
            "action": action or held.recommended,
            "reason": reason,
        }
    sending = claims.deciding(held, event, now=now)
    if not account.control.replace(name, case_item(decision_id), sending.to_json(), known=held.to_json()):
        raise Conflict.about(f"case {decision_id}", "it changed meanwhile", "a case that you hold", "look at it again")
    _, failed = submitted(account, {"events": [event]}, principal=by)
    if failed:
        raise SendingFailed(f"the queue did not take the decision of case {decision_id}; you still hold it")
    done = claims.decided(sending)
    account.control.replace(name, case_item(decision_id), done.to_json(), known=sending.to_json())
    return _answer(name, done, by=by, now=now)


def _require_unchanged(held: Claim, row: Mapping[str, Any], action: str | None) -> None:
    if row["recommended"] != held.recommended:
        raise Conflict.about(
            f"case {held.decision_id}",
            f"it was scored again, and revision {row['revision']} recommends {row['recommended']}",
            f"revision {held.revision}, which recommended {held.recommended}",
            "look at it again, and take it anew",
        )
    if action == held.recommended:
        raise RequestRefused.about(
            "action", repr(action), "another action than the recommended one", "accept the case instead"
        )


def _same(known: Claim, action: str | None, reason: str) -> bool:
    said = known.event or {}
    return said.get("action") == (action or known.recommended) and said.get("reason") == reason


def _listed(account: Account, name: str) -> _Listed:
    line = account.released.current(name)
    if line.delivery.work_list is None:
        raise NotFound.about(
            f"line {name}", "it has no work list", "delivery=Delivery(..., work_list=WorkList(...))", "declare one"
        )
    return _Listed(line, line.delivery.work_list)


def _instant(at: datetime | None, now: datetime) -> datetime:
    if at is not None and at > now:
        raise RequestRefused.about("at", format_instant(at), f"an instant that is not later than {format_instant(now)}")
    return at or now


def _day(decision_id: str) -> str:
    if not PATTERN.fullmatch(decision_id):
        raise RequestRefused.about("decision_id", repr(decision_id[:100]), "d1-<yyyymmdd>-<32 hexadecimal digits>")
    return day_of(decision_id)


def _claims(account: Account, name: str, since: str) -> dict[str, Claim]:
    """decision_id -> claim, of the decisions from a day on."""
    first = case_item(f"d1-{since}")
    found = map(Claim.from_json, account.control.between(name, first, case_item("~")))
    return {claim.decision_id: claim for claim in found}


def _claim(account: Account, name: str, decision_id: str) -> Claim | None:
    found = account.control.read(name, case_item(decision_id))
    return None if found is None else Claim.from_json(found)


def _chosen(known: Iterable[Claim], only: str | None, *, by: str, now: datetime) -> tuple[list[str], list[str] | None]:
    """Ids that are left out, and those that are wanted alone."""
    done: list[str] = []
    mine: list[str] = []
    others: list[str] = []
    for claim in known:
        if claim.standing == "decided":
            done.append(claim.decision_id)
        elif claim.holds(now):
            (mine if claim.by == by else others).append(claim.decision_id)
    match only:
        case "free":
            return [*done, *mine, *others], None
        case "mine":
            return done, mine
        case _:
            return done, None


def _changed(account: Account, name: str, decision_id: str, change: Callable[[Claim | None], Claim]) -> Claim:
    """Write what `change` makes of the claim. If somebody else's write came first, it is asked again.

    Raises:
        Conflict: what `change` raises, or the claim changes again and again.
    """
    item = case_item(decision_id)
    for _ in range(TRIES):
        known = _claim(account, name, decision_id)
        wanted = change(known)
        if known is None:
            stored = account.control.add(name, item, wanted.to_json())
        else:
            stored = account.control.replace(name, item, wanted.to_json(), known=known.to_json())
        if stored:
            return wanted
    raise Conflict.about(
        f"case {decision_id}", "it changes again and again", "a case that you hold", "look at it again"
    )


def _open_row(account: Account, line: Line, work_list: WorkList, decision_id: str, at: datetime) -> dict[str, Any]:
    from assembly_line.ledger import opened_decision

    day = _day(decision_id)
    with opened_decision(account, line.name, decision_id, memory_mib=MEMORY_MIB) as ledger:
        ledger.session.join([day])
        row = _row(ledger, line.name, decision_id)
    require_open(row, work_list, at)
    return row


def _row(ledger: OpenLedger, name: str, decision_id: str) -> dict[str, Any]:
    found = ledger.session.rows(f"SELECT {', '.join(READ)} FROM decisions WHERE decision_id = ?", [decision_id])
    if not found:
        raise NotFound(f"line {name!r} never scored decision {decision_id}; its work list names those that it did")
    return as_values(found[0])


def _earlier(ledger: OpenLedger, line: Line, row: Mapping[str, Any], at: str) -> list[dict[str, Any]]:
    """What was decided before about the same first entity, the latest first. An outcome counts once it was known."""
    from assembly_line.feedback.decided import key_of

    keys = list(line.decision.entities[0].keys)
    same = " AND ".join(f"{key_of(key)} = ?" for key in keys)
    columns = ("decision_id", "decision_time", "recommended", "score", "action", "reason", "overridden", "confirmed")
    found = ledger.session.rows(
        f"SELECT {', '.join(columns)}, CASE WHEN outcome_known_at <= ? THEN outcome END FROM decisions "
        f"WHERE delivered AND NOT backfill AND decision_time < ? AND {same} "
        f"ORDER BY decision_time DESC, decision_id LIMIT {EARLIER}",
        [at, row["decision_time"], *(_json(row["keys"].get(key)) for key in keys)],
    )
    return [_as_earlier((*columns, "outcome"), values) for values in found]


def _as_earlier(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    one = dict(zip(names, values, strict=True))
    return {**one, "outcome": None if one["outcome"] is None else json.loads(one["outcome"])}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _kept(account: Account, name: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """decision_id -> what its run kept of it for people."""
    by_run: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_run[row["run_id"]].append(row["decision_id"])
    found: dict[str, dict[str, Any]] = {}
    for run_id, decision_ids in by_run.items():
        with suppress(NotFound):  # an old run that has gone
            found |= account.scoring_run(name, run_id).cases.read(decision_ids)
    return found


def _told(claim: Claim | None, *, by: str, now: datetime) -> dict[str, Any] | None:
    """Who works a case now, or decided it."""
    if claim is None or not (claim.holds(now) or claim.standing == "decided"):
        return None
    return {"standing": claim.standing, "by": claim.by, "at": claim.at, "until": claim.until, "yours": claim.by == by}


def _answer(name: str, claim: Claim, *, by: str, now: datetime) -> dict[str, Any]:
    said = claim.event if claim.standing == "decided" else None
    return {
        "line": name,
        "decision_id": claim.decision_id,
        "revision": claim.revision,
        "recommended": claim.recommended,
        "claim": _told(claim, by=by, now=now),
        "decided": None if said is None else {name: said[name] for name in ("event_id", "action", "reason", "at")},
    }
