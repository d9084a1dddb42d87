"""Simulated overrides: a seeded rule stands for the person who decides, and every event says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from assembly_line.instants import format_instant, parse_instant
from assembly_line.messages import FEEDBACK_SCHEMA

SEED = "demo-2017"
SHARE = 0.03
REASON = "simulated: a seeded rule of the demo overrides about 3 % of the decisions"
# People answer some hours after the recommendation.
HESITATION = timedelta(hours=6)


def simulated_overrides(predictions: Iterable[Mapping[str, Any]], actions: Sequence[str]) -> list[dict[str, Any]]:
    """One override for each decision that the rule picks: the other action than the recommended one.

    The rule looks at nothing but the decision's id, so that it says nothing about the model. The same predictions give
    the same events, so that sending them again changes nothing.
    """
    return [_override(row, actions) for row in predictions if picks(row["decision_id"])]


def picks(decision_id: str) -> bool:
    """Whether the rule overrides this decision."""
    drawn = int.from_bytes(hashlib.sha256(f"{SEED}:{decision_id}".encode()).digest()[:8], "big")
    return drawn < SHARE * 2**64


def _override(row: Mapping[str, Any], actions: Sequence[str]) -> dict[str, Any]:
    other = next(action for action in actions if action != row["action"])
    return {
        "schema": FEEDBACK_SCHEMA,
        "version": 1,
        "kind": "override",
        "event_id": f"simulated-override-{row['decision_id']}",
        "line": row["line"],
        "decision_id": row["decision_id"],
        "sequence": 1,
        "at": format_instant(parse_instant(row["decision_time"], field="decision_time") + HESITATION),
        "action": other,
        "reason": REASON,
    }
