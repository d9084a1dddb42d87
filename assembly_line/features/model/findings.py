"""What a check found: which rule, the value, what was expected, what to do, and the very rows it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from assembly_line.declarations.quality import Severity
from assembly_line.documents import document_of, read_document

if TYPE_CHECKING:
    from assembly_line.features.values.columns import Column, Integers

EXAMPLES = 10
# Characters of one value in a sentence; the whole value stands among the examples.
VALUE_IN_TEXT = 80
# Warnings that are handed on with a dataset, and how much of each: a state machine's state holds 256 KiB.
WARNINGS = 10
WARNING_IN_TEXT = 300
Result = Literal["passed", "not judged", "allowed", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row that broke a rule. A value of a personal feature is not carried: `value` is None then."""

    decision_id: str | None
    column: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule applied: what was found, what was expected, what to do if it does not hold.

    Args:
        passed: False if the rule is broken.
        examples: rows that broke it, at most `EXAMPLES`.
        judged: False where there was nothing to judge by, such as no earlier dataset; it says nothing good then.
        allowed: the declared reason why a broken rule does not stop the dataset.
        feature: the one feature that it is about, if it is about one.
    """

    rule: str
    passed: bool
    severity: Severity
    value: str
    expected: str
    advice: str
    examples: tuple[Example, ...] = ()
    judged: bool = True
    allowed: str | None = None
    feature: str | None = None

    @property
    def result(self) -> Result:
        """In one word; `error` is what stops a dataset."""
        if not self.judged:
            return "not judged"
        if self.passed:
            return "passed"
        return self.severity if self.allowed is None else "allowed"

    @property
    def stops(self) -> bool:
        return self.result == "error"

    def to_json(self) -> dict[str, Any]:
        return {**document_of(self), "result": self.result}


def finding_from_json(document: Mapping[str, Any]) -> Finding:
    """Read back what `to_json` wrote, or an older version of it."""
    return read_document(Finding, document)


def not_judged(rule: str, why: str, *, expected: str, advice: str) -> Finding:
    """A rule that could not be applied, said as such."""
    return Finding(
        rule=rule, passed=True, severity="warning", value=why, expected=expected, advice=advice, judged=False
    )


def examples_of(
    columns: Mapping[str, Column], name: str, places: Integers, *, personal: bool, most: int = EXAMPLES
) -> tuple[Example, ...]:
    """The first of these rows of a dataset, with the value of one column unless it is personal."""
    from assembly_line.features.values.dataset_columns import DECISION_ID
    from assembly_line.features.values.plain_values import plain_values, shown

    first = places[:most]
    ids = plain_values(columns[DECISION_ID].take(first)) if DECISION_ID in columns else [None] * len(first)
    values = [None] * len(first) if personal else plain_values(columns[name].take(first))
    kind = columns[name].kind
    return tuple(
        Example(decision_id=identifier, column=name, value=shown(value, kind))
        for identifier, value in zip(ids, values, strict=True)
    )


def in_text(finding: Finding, *, rows: int = 3) -> str:
    """A broken rule in one sentence, with a few of its rows."""
    text = f"{finding.rule}: {finding.value}, expected {finding.expected}: {finding.advice}"
    such = [_row_in_text(example) for example in finding.examples[:rows]]
    more = len(finding.examples) - len(such)
    return text if not such else f"{text} (such as {', '.join(such)}{f' and {more} more' if more else ''})"


def _row_in_text(example: Example) -> str:
    value = "" if example.value is None else f" {example.value!r}"
    value = value if len(value) <= VALUE_IN_TEXT else f"{value[:VALUE_IN_TEXT]}..."
    return f"{example.decision_id or 'a decision without id'} {example.column}{value}"


def warnings_of(findings: Sequence[Finding]) -> list[str]:
    """What does not stop a dataset and has to be known all the same, a sentence each."""
    told = [finding for result in ("warning", "allowed") for finding in findings if finding.result == result]
    sentences = [_warned(finding) for finding in told[:WARNINGS]]
    more = len(told) - len(sentences)
    return sentences if more <= 0 else [*sentences, f"and {more} more, see `line dataset quality`"]


def _warned(finding: Finding) -> str:
    said = f"{finding.rule}: {finding.value}, expected {finding.expected}"
    said = said if len(said) <= WARNING_IN_TEXT else f"{said[:WARNING_IN_TEXT]}..."
    return said if finding.allowed is None else f"{said} (allowed: {finding.allowed})"


def broken(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stop a dataset."""
    return [finding for finding in findings if finding.stops]
