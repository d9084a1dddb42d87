"""Feedback as it arrives at the queue, and the ledger rows it becomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.feedback.acceptance import undeclared
from assembly_line.instants import format_instant, from_micros
from assembly_line.messages import Feedback, feedback_from_values, parse_json
from assembly_line.names import LedgerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One event and how it came here.

    Args:
        received_at: when the queue took it, in microseconds since 1970.
        principal: who says it: the sender, or the caller for whom the API sent it.
        sender: the identity that the queue vouches for.
        message_id: the queue's name for the message.
    """

    event: Feedback
    received_at: int
    principal: str
    sender: str
    message_id: str


def read_arrival(
    body: str, *, sent_millis: str, named: str | None, sender: str, api_role_id: str, message_id: str
) -> Arrival:
    """Read one message of the feedback queue.

    Args:
        sent_millis: the queue's own stamp, in milliseconds since 1970: the same however often the message is received.
        named: the principal that the message's attribute names, if it has one. Every sender can write it.
        sender: `SenderId` of SQS: `<role id>:<session>` of a role, which no sender can choose.
        api_role_id: the one role that is believed when it names a principal.

    Raises:
        MalformedMessage: the body is no feedback event; the message names the field.
    """
    return Arrival(
        event=feedback_from_values(parse_json(body)),
        received_at=int(sent_millis) * 1000,
        principal=named if named and sender.partition(":")[0] == api_role_id else sender,
        sender=sender,
        message_id=message_id,
    )


def ledger_rows(
    arrivals: Iterable[Arrival], lines: Mapping[str, Line]
) -> dict[tuple[str, LedgerKind, str], list[dict[str, Any]]]:
    """(line, kind, day of arrival) -> rows to append. What the line does not declare goes to the quarantine.

    Args:
        lines: every line that the events name.
    """
    rows: dict[tuple[str, LedgerKind, str], list[dict[str, Any]]] = defaultdict(list)
    for arrival in arrivals:
        received_at = format_instant(from_micros(arrival.received_at))
        row = {
            **arrival.event.to_values(),
            "received_at": received_at,
            "principal": arrival.principal,
            "sender": arrival.sender,
            "message_id": arrival.message_id,
        }
        day = received_at[:10].replace("-", "")
        problem = undeclared(arrival.event, lines[arrival.event.line])
        if problem is None:
            rows[arrival.event.line, LedgerKind.FEEDBACK, day].append(row)
        else:
            refused = {**row, "station": "feedback", "reason": problem[0], "detail": problem[1]}
            rows[arrival.event.line, LedgerKind.QUARANTINE, day].append(refused)
    return rows
