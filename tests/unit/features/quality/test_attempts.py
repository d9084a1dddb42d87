"""What a state machine carries of a build stays small, however much was found."""

from __future__ import annotations

import json

from assembly_line.features.model.findings import Example, Finding, in_text
from assembly_line.features.sources.attempts import Built, built_from_json, in_state


def a_finding(number: int, *, passed: bool) -> Finding:
    examples = tuple(Example(decision_id=f"d1-{n}", column="c", value="x" * 10_000) for n in range(10))
    return Finding(
        rule=f"leakage: f{number} knows the future", passed=passed, severity="error", value="v" * 10_000,
        expected="none", advice="look", examples=examples,
    )  # fmt: skip


def test_the_worst_findings_come_first_and_no_example_is_carried() -> None:
    findings = tuple(a_finding(number, passed=number < 300) for number in range(600))
    built = Built(
        engine="duckdb", versions={}, rows=7, spine_rows=9, excluded={"immature": 2}, duplicates=0, findings=findings
    )

    carried = in_state(built)

    assert len(json.dumps(carried)) < 4096
    assert (carried["findings"]["judged"], carried["findings"]["stopping"]) == (600, 300)
    assert [one["result"] for one in carried["findings"]["first"]] == ["error"] * 5
    assert built_from_json(built.to_json()) == built


def test_a_long_value_does_not_fill_the_sentence_of_an_error() -> None:
    assert len(in_text(a_finding(1, passed=False))) < 10_600
