"""The examples of docs/feedback.md: each follows the schema, and API and collector take it as the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from assembly_line.feedback.folding import fold
from assembly_line.names import FeedbackKind, LedgerKind
from assembly_line.storage.ledger.ledger import Ledger
from lambdas.feedback_collector import handler
from tests.aws.feedback.test_collector import LINE, collect, record

if TYPE_CHECKING:
    from tests.aws.feedback.conftest import Call

DOCS = Path(__file__).parents[3] / "docs"
VALIDATOR = Draft202012Validator(json.loads((DOCS / "schemas" / "feedback.v1.json").read_text(encoding="utf-8")))


def examples() -> list[dict[str, Any]]:
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / "feedback.md").read_text(encoding="utf-8"), re.DOTALL)
    return [json.loads(block) for block in blocks]


def bodies() -> list[dict[str, Any]]:
    return [example for example in examples() if "events" in example]


def messages() -> list[dict[str, Any]]:
    return [example for example in examples() if "events" not in example]


def test_the_page_shows_every_kind_and_a_retraction_in_the_published_form() -> None:
    events = [*(event for body in bodies() for event in body["events"]), *messages()]
    assert {event["kind"] for event in events} == set(FeedbackKind)
    assert [event["event_id"] for event in events if event.get("retracts")] == ["till-88213-void"]
    for event in events:
        assert list(VALIDATOR.iter_errors(event)) == []


def test_the_api_accepts_the_bodies_of_the_page(api: Call) -> None:
    for body in bodies():
        assert api("POST", "/feedback", body) == (202, {"accepted": [event["event_id"] for event in body["events"]]})


def test_the_collector_keeps_the_messages_of_the_page_and_the_retraction_withdraws(
    environment: None, released: str, ledger: Ledger, lambda_context: Any
) -> None:
    handler.stores.cache_clear()
    events = [*messages(), *(event for body in bodies() for event in body["events"])]

    assert collect(lambda_context, *(record(event, number) for number, event in enumerate(events))) == []

    rows = list(ledger.read(LINE, LedgerKind.FEEDBACK))
    assert len(rows) == len(events)
    folded = fold(rows)
    assert sorted(row["kind"] for row in folded.current.values()) == ["override", "receipt"]
    assert (folded.withdrawn, folded.conflicts) == (1, ())
