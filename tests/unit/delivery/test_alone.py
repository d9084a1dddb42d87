"""One decision alone is what a batch makes of it where no place is scarce, byte for byte: columns are the oracle."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line import DecideNow, Line
from assembly_line.canonical import canonical_json
from assembly_line.declarations.codec import line_to_json
from assembly_line.delivery.alone import message_in, read_answer, row_alone
from assembly_line.delivery.answers import Quarantined
from assembly_line.delivery.one_message import OneDecision
from assembly_line.encoding import rule_number
from assembly_line.errors import DeclarationError
from tests.lines_of_kinds import line_of
from tests.unit.delivery.batches import AT, CONTEXT, SHIPPED, Row, Spine, told

TRIAGE, MAILS = map(line_of, ("triage", "mails"))
NUMBERS = ["0", "0.05", "0.5", ".5", "5e-1", "0.30000000000000004", "1", "nan", "2", "x"]
BINARY = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=30)
CLASSES = len(TRIAGE.outcome.classes)


def decided_alone(line: Line, spine: Spine) -> tuple[list[bytes], list[bytes], list[str]]:
    """Rows and messages of those that can be decided, and ids of the others."""
    rows, messages, aside = [], [], []
    policy = line.policy.one_at_a_time
    assert policy is not None
    for offset, (row, text) in enumerate(zip(spine.rows, spine.lines, strict=True)):
        answer = read_answer(line.predicts, row.decision_id, text.partition(",")[2])
        if not isinstance(answer, Quarantined):
            keys = dict(zip(spine.keys, row.keys, strict=True))
            one = OneDecision(offset, row.decision_id, row.decision_time, keys, answer)
            found = row_alone(CONTEXT, line, policy, one, dataset_id="ds", baseline=rule_number(row.baseline))
            if not isinstance(found, Quarantined):
                rows.append(canonical_json(found))
                messages.append(canonical_json(message_in(found)))
                continue
        aside.append(row.decision_id)
    return rows, messages, aside


def spine_of(line: Line, texts: list[str]) -> Spine:
    spine = Spine(dict.fromkeys(line.decision.keys, "BIGINT"), "BIGINT")
    for number, text in enumerate(texts):
        identifier = f"d1-20170808-{number:032x}"
        spine.rows.append(Row(identifier, AT, tuple(range(number, number + len(spine.keys))), number))
        spine.lines.append(f"{identifier},{text}")
    return spine


@given(
    texts=BINARY,
    threshold=st.sampled_from([0.0, 0.5, 1.0]),
    exploration=st.sampled_from([0.0, 0.05, 0.3, 0.9999999999999999]),
    everybody=st.booleans(),
    version=st.integers(1, 3),
)
@settings(max_examples=30, deadline=None)
def test_it_is_what_the_columns_make_of_it(
    *, texts: list[str], threshold: float, exploration: float, everybody: bool, version: int
) -> None:
    chosen = {"capacity": 1.0} if everybody else {"capacity": None, "threshold": threshold}
    policy = replace(SHIPPED.policy, version=version, exploration=exploration, **chosen)
    line, spine = replace(SHIPPED, policy=policy), spine_of(SHIPPED, [*texts, "0.25"])

    batch = told(line, spine)

    rows, messages, aside = decided_alone(line, spine)
    assert rows == [canonical_json(row) for row in batch.rows]
    assert messages == [canonical_json(one.to_values()) for one in batch.predictions]
    assert aside == [row["decision_id"] for row in batch.quarantined]


def test_an_answer_of_classes_is_decided_by_the_one_that_the_policy_cuts() -> None:
    policy = replace(TRIAGE.policy, capacity=None, threshold=0.3)
    line = replace(TRIAGE, policy=policy)
    texts = [",".join(["1", *["0"] * (CLASSES - 1)]), ",".join(["0"] * (CLASSES - 1) + ["1"])]
    spine = spine_of(line, texts)

    rows, _, aside = decided_alone(line, spine)

    assert (rows, aside) == ([canonical_json(row) for row in told(line, spine).rows], [])


def test_a_capacity_decides_nothing_alone_unless_a_threshold_is_declared_for_it() -> None:
    assert SHIPPED.policy.one_at_a_time is None
    now = DecideNow(oldest=timedelta(hours=24))
    with pytest.raises(DeclarationError, match="threshold_now"):
        replace(SHIPPED, delivery=replace(SHIPPED.delivery, decide_now=now))
    with pytest.raises(DeclarationError, match="one of a group"):
        replace(
            MAILS, delivery=replace(MAILS.delivery, decide_now=now), policy=replace(MAILS.policy, threshold_now=0.1)
        )
    with pytest.raises(DeclarationError, match="threshold_now stands beside capacity"):
        replace(SHIPPED.policy, capacity=None, threshold=0.5, threshold_now=0.5)

    declared = replace(SHIPPED.policy, threshold_now=0.4)

    assert declared.one_at_a_time == replace(SHIPPED.policy, capacity=None, threshold=0.4)


def test_a_line_that_declares_none_is_the_same_release_as_before() -> None:
    document = line_to_json(SHIPPED)["line"]
    assert "decide_now" not in document["delivery"]
    assert "threshold_now" not in document["policy"]
