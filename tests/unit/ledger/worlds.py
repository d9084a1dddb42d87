"""Small ledgers in which everything collides: rows as hypothesis draws them, and what the join by rows says of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from assembly_line.feedback.history import History
from assembly_line.instants import format_instant
from assembly_line.names import LedgerKind

DAYS = ("20170801", "20170802")
IDS = [f"d1-{day}-{number:032x}" for day in DAYS for number in (1, 2, 3)]
# Few, so that all bounds meet: the decision's own, ten minutes after it, a microsecond later, and some days.
INSTANTS = [
    "2017-08-01T06:00:00.000000Z",
    "2017-08-01T06:10:00.000000Z",
    "2017-08-01T06:10:00.000001Z",
    "2017-08-02T06:00:00.000000Z",
    "2017-08-03T00:00:00.000000Z",
]
# As long as the others, and the same instant as the second one.
WITH_OFFSET = "2017-08-01T08:10:00.0+02:00"


def decided(identifier: str) -> str:
    return f"2017-08-{identifier[9:11]}T06:00:00.000000Z"


instants = st.sampled_from(INSTANTS)
revisions = st.integers(1, 3)
identifiers = st.sampled_from(IDS)


@st.composite
def predictions(draw: Any) -> dict[str, Any]:
    identifier = draw(identifiers)
    return {
        "decision_id": identifier,
        "decision_time": decided(identifier),
        "revision": draw(revisions),
        "keys": {"household_id": int(identifier[-1]), 'na"me': "ü\n"},
        "score": draw(st.sampled_from([0.25, 1e-05])),
        "action": draw(st.sampled_from(["remind", "leave"])),
        "propensity": 0.9,
        "model": {"run_id": "r1", "digest": "d"},
        "dataset_id": "ds-1",
        "prior": draw(st.sampled_from([0.5, {"mean": [1.0]}])),
        "baseline": draw(st.sampled_from([None, 2, 2.5])),
        "release": "r",
        "run_id": "s1",
        "backfill": draw(st.sampled_from([[], [], ["model_knows_more"]])),
        **draw(st.sampled_from([{}, {"issued_at": None}, {"issued_at": INSTANTS[0]}, {"issued_at": INSTANTS[3]}])),
        **draw(st.sampled_from([{}, {"expires_at": None}, {"expires_at": INSTANTS[3]}, {"expires_at": INSTANTS[4]}])),
    }


@st.composite
def deliveries(draw: Any) -> dict[str, Any]:
    return {
        "decision_id": draw(identifiers),
        "revision": draw(revisions),
        "status": draw(st.sampled_from(["delivered", "delivered", "dead_lettered"])),
        **draw(st.sampled_from([{}, {"at": None}, *({"at": one} for one in INSTANTS)])),
    }


@st.composite
def events(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["override", "outcome", "receipt"]))
    said = {
        "override": {
            "action": draw(st.sampled_from(["remind", "leave"])),
            "reason": draw(st.sampled_from(["one", "two"])),
        },
        "outcome": {"value": draw(st.integers(0, 1))},
        "receipt": {"revision": draw(revisions), "status": draw(st.sampled_from(["applied", "applied", "failed"]))},
    }[kind]
    return {
        "decision_id": draw(identifiers),
        "kind": kind,
        "event_id": draw(st.sampled_from(["a", "b", "c", "d", "e'\u2028"])),
        "sequence": draw(st.integers(0, 2)),
        "retracts": draw(st.sampled_from([False, False, True])),
        "at": draw(instants),
        "received_at": draw(instants),
        "message_id": draw(st.sampled_from(["m1", "m2"])),
        **draw(
            st.sampled_from([{"principal": "p", "sender": "s"}, {"principal": "q", "sender": "s"}, {"sender": "s"}])
        ),
        **said,
    }


@st.composite
def outcomes(draw: Any) -> dict[str, Any]:
    return {
        "decision_id": draw(identifiers),
        "value": draw(st.sampled_from([0, 1, 1.0, True, 0.5, "gold", "1", "true"])),
        "mature_at": draw(st.sampled_from([None, *INSTANTS, WITH_OFFSET])),
        "as_of": draw(st.sampled_from(INSTANTS[-2:])),
        "run_id": draw(st.sampled_from(["r1", "r2"])),
        **draw(st.sampled_from([{}, {}, {"days": 2.5}, {"days": 2}, {"later": [1.0, 2.0]}])),
    }


worlds = st.tuples(*(st.lists(kind(), max_size=40) for kind in (predictions, deliveries, events, outcomes)))
KINDS = (LedgerKind.PREDICTIONS, LedgerKind.DELIVERIES, LedgerKind.FEEDBACK, LedgerKind.OUTCOMES)


def said_of(history: History) -> list[dict[str, Any]]:
    """What the columns of a decision say, by the oracle."""
    return [
        {
            "decision_id": one.decision_id,
            "revision": one.prediction["revision"],
            "score": one.prediction["score"],
            "action": one.action,
            "recommended": one.prediction["action"],
            "delivered": one.delivered,
            "in_force": one.in_force,
            "revisions": one.revisions,
            "backfills": len(one.backfills),
            "overridden": one.override is not None,
            "confirmed": one.confirmation is not None,
            "receipts": len(one.receipts),
            "hindsight": one.hindsight,
            "outcome": None if one.outcome is None else list(one.stated),
            "outcome_derived": one.derived is not None,
            "outcome_known_at": None if one.outcome_known_at is None else format_instant(one.outcome_known_at),
            "flags": list(one.flags),
        }
        for one in history.decisions
    ]
