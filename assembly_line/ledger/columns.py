"""What of a ledger row becomes a column of its kind's table, and how DuckDB takes it from the row's JSON text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from assembly_line.documents import BRING_BACK, Record
from assembly_line.errors import DocumentUnreadable, RequestRefused
from assembly_line.instants import WRITTEN_FORM, parse_instant
from assembly_line.names import LedgerKind

TEXT, WHOLE, NUMBER, FLAG = "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"
# How far the clock of a source may run ahead of the arrival of what it says: `feedback.folding.CLOCK_TOLERANCE`.
_TOLERANCE = "INTERVAL 10 MINUTE"
_WRITTEN = "'%Y-%m-%dT%H:%M:%S.%fZ'"
_WRITTEN_FORM = re.compile(WRITTEN_FORM)
_INSTANTS = frozenset({"decision_time", "issued_at", "expires_at", "at", "received_at", "mature_at"})
_ARRIVAL = ("received_at", "principal", "sender", "message_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A kind's table.

    Args:
        members: member of the row's JSON object -> its type in DuckDB's words.
        required: members without which a row says nothing.
        computed: column -> (type, SQL over the members as `m`, and the text of the row as `document`); every other
            member is a column as it is.
        left_out: members that only `computed` reads.
    """

    members: Mapping[str, str]
    required: tuple[str, ...]
    computed: Mapping[str, tuple[str, str]]
    left_out: frozenset[str] = frozenset()

    @property
    def types(self) -> dict[str, str]:
        """Column -> type, in the order of the table: first the day of the decision, and the file of the row."""
        plain = {name: TEXT if kind == "JSON" else kind for name, kind in self.members.items()}
        kept = {name: kind for name, kind in plain.items() if name not in {*self.left_out, *self.computed}}
        return {"day": TEXT, "file": TEXT, **kept, **{name: kind for name, (kind, _) in self.computed.items()}}

    @property
    def structure(self) -> str:
        """The members as `json_transform` wants them."""
        return json.dumps(dict(self.members))

    def select(self, rows: str) -> str:
        """A query of the table's columns.

        Args:
            rows: a table of `file` and `document`.
        """
        taken = {
            name: f"CAST(m.{name} AS {TEXT})" if kind == "JSON" else f"m.{name}" for name, kind in self.members.items()
        }
        taken |= {name: expression for name, (_, expression) in self.computed.items()}
        listed = ", ".join(f"{taken[name]} AS {name}" for name in list(self.types)[2:])
        transformed = f"json_transform(document, '{self.structure}')"
        return (
            f"SELECT substr(m.decision_id, 4, 8) AS day, file, {listed} "
            f"FROM (SELECT file, document, {transformed} AS m FROM {rows})"
        )


def require_columns(kind: LedgerKind, row: Record) -> None:
    """Refuse a row of which a column cannot be made.

    Raises:
        DocumentUnreadable: a required member is missing, or a text is no instant; names it.
    """
    columns = COLUMNS[kind]
    for name in columns.required:
        row[name]  # one that is missing is refused by name
    for name in _INSTANTS & columns.members.keys():
        text = row.get(name)
        if text is None or _WRITTEN_FORM.fullmatch(text):
            continue
        try:
            parse_instant(text, field=name)
        except RequestRefused as error:
            raise DocumentUnreadable.about(f"{row.of}: {name}", repr(text), "an instant", BRING_BACK) from error


def _instant(name: str) -> str:
    """The ledger's own form of an instant, which every row of today has. With an offset another may be as long."""
    other = f"strftime(CAST(m.{name} AS TIMESTAMPTZ), {_WRITTEN})"
    return f"CASE WHEN length(m.{name}) = 27 AND m.{name} LIKE '%Z' THEN m.{name} ELSE {other} END"


def _without(*members: str) -> str:
    """A digest of the row without these members."""
    return f"md5(json_merge_patch(document, '{json.dumps(dict.fromkeys(members))}'))"


_PRINCIPAL = "coalesce(nullif(m.principal, ''), nullif(m.sender, ''), '')"
# 1, 1.0 and true are one value, as they are to who compares numbers. A text is none of them, not even '"1"'.
_UNQUOTED = "CASE WHEN m.value NOT LIKE '\"%' THEN m.value END"
_NUMBER = f"coalesce(TRY_CAST({_UNQUOTED} AS DOUBLE), CAST(TRY_CAST({_UNQUOTED} AS BOOLEAN) AS DOUBLE))"
_WHOLE = "coalesce(TRY_CAST(CASE WHEN m.value NOT SIMILAR TO '.*[\".e].*' THEN m.value END AS BIGINT), "
_WHOLE += f"CASE WHEN {_NUMBER} = floor({_NUMBER}) AND abs({_NUMBER}) < 9e15 THEN CAST({_NUMBER} AS BIGINT) END)"
_BESIDE = (
    "CASE WHEN m.days IS NOT NULL THEN concat(',', m.days) "
    "WHEN m.later <> '[]' THEN concat(',', m.later[2:-2]) ELSE '' END"
)

COLUMNS: Mapping[LedgerKind, Columns] = {
    LedgerKind.PREDICTIONS: Columns(
        members={
            "decision_id": TEXT,
            "revision": WHOLE,
            "decision_time": TEXT,
            "keys": "JSON",
            "score": NUMBER,
            "detail": "JSON",
            "action": TEXT,
            "propensity": NUMBER,
            "explored": FLAG,
            "arm": TEXT,
            "policy_version": WHOLE,
            "model": "JSON",
            "release": TEXT,
            "dataset_id": TEXT,
            "run_id": TEXT,
            "baseline": NUMBER,
            "prior": "JSON",
            "scale": NUMBER,
            "issued_at": TEXT,
            "expires_at": TEXT,
            "backfill": "JSON",
        },
        required=("decision_id", "revision", "decision_time", "keys", "action"),
        computed={
            "decision_time": (TEXT, _instant("decision_time")),
            "issued_at": (TEXT, _instant("issued_at")),
            "expires_at": (TEXT, _instant("expires_at")),
            "model_run_id": (TEXT, "m.model->>'$.run_id'"),
            "backfill": (FLAG, "coalesce(m.backfill <> '[]', FALSE)"),
            "content": (TEXT, "sha256(document)"),
            "document": (TEXT, "document"),
        },
        left_out=frozenset({"model"}),
    ),
    LedgerKind.DELIVERIES: Columns(
        members={"decision_id": TEXT, "revision": WHOLE, "status": TEXT, "reason": TEXT, "run_id": TEXT, "at": TEXT},
        required=("decision_id", "revision", "status"),
        computed={"left_at": (TEXT, _instant("at")), "document": (TEXT, "document")},
        left_out=frozenset({"at"}),
    ),
    LedgerKind.QUARANTINE: Columns(
        members={
            "decision_id": TEXT,
            "station": TEXT,
            "reason": TEXT,
            "detail": TEXT,
            "run_id": TEXT,
            "event_id": TEXT,
        },
        required=("decision_id", "station", "reason", "detail"),
        computed={"document": (TEXT, "document")},
    ),
    LedgerKind.FEEDBACK: Columns(
        members={
            "decision_id": TEXT,
            "kind": TEXT,
            "event_id": TEXT,
            "principal": TEXT,
            "sender": TEXT,
            "sequence": WHOLE,
            "retracts": FLAG,
            "at": TEXT,
            "received_at": TEXT,
            "action": TEXT,
            "reason": TEXT,
            "value": WHOLE,
            "revision": WHOLE,
            "status": TEXT,
        },
        required=("decision_id", "kind", "event_id", "sequence", "retracts", "at", "received_at"),
        computed={
            "principal": (TEXT, _PRINCIPAL),
            "said_at": (TEXT, _instant("at")),
            "reported": (WHOLE, "m.value"),
            "receiving": (TEXT, "m.status"),
            "latest_at": (TEXT, f"strftime(CAST(m.received_at AS TIMESTAMPTZ) + {_TOLERANCE}, {_WRITTEN})"),
            "name": (TEXT, f"md5(concat(length(m.event_id), ':', m.event_id, {_PRINCIPAL}))"),
            "body": (TEXT, _without(*_ARRIVAL)),
            "statement": (TEXT, _without(*_ARRIVAL, "event_id", "at")),
            "document": (TEXT, "document"),
        },
        left_out=frozenset({"sender", "value", "status", "at"}),
    ),
    LedgerKind.OUTCOMES: Columns(
        members={
            "decision_id": TEXT,
            "value": "JSON",
            "days": "JSON",
            "later": "JSON",
            "mature_at": TEXT,
            "as_of": TEXT,
            "run_id": TEXT,
        },
        required=("decision_id", "value", "as_of", "run_id"),
        computed={
            "mature_at": (TEXT, _instant("mature_at")),
            "stated": (TEXT, f"concat('[', m.value, {_BESIDE}, ']')"),
            "whole": (WHOLE, _WHOLE),
            "comparable": (
                TEXT,
                f"concat(coalesce(CAST({_WHOLE} AS VARCHAR), CAST({_NUMBER} AS VARCHAR), m.value), ' ', "
                "TRY_CAST(m.days AS DOUBLE), ' ', CAST(CAST(m.later AS DOUBLE[]) AS VARCHAR))",
            ),
            "content": (TEXT, "sha256(document)"),
            "document": (TEXT, "document"),
        },
        left_out=frozenset({"value", "days", "later"}),
    ),
}
