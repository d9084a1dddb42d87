"""What a judgement says: where, what it found there, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Weight(StrEnum):
    """A `fault` fails the proof. A `remark` is for a person to read."""

    FAULT = "fault"
    REMARK = "remark"


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """Args: `check`: the judgement, such as `permission`; `place`: a role, a request, a state; `todo`: what helps."""

    check: str
    weight: Weight
    place: str
    says: str
    todo: str

    def document(self) -> dict[str, Any]:
        return asdict(self)


def fault(check: str, place: str, says: str, todo: str) -> Finding:
    return Finding(check=check, weight=Weight.FAULT, place=place, says=says, todo=todo)


def remark(check: str, place: str, says: str, todo: str) -> Finding:
    return Finding(check=check, weight=Weight.REMARK, place=place, says=says, todo=todo)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The outcome of one check: how much it looked at, what it found, and what it could not judge."""

    check: str
    counts: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    not_judged: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.weight is Weight.FAULT)

    def document(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "counts": self.counts,
            "findings": [each.document() for each in self.findings],
            "not_judged": list(self.not_judged),
        }


@dataclass(frozen=True)
class Outcome:
    """Of one mutation.

    Args:
        named: what the proof says of it; empty if it survived.
        why: of a survivor: what does the same as what was broken.
    """

    kind: str
    mutation: str
    named: str = ""
    why: str = field(default="", compare=False)

    @property
    def caught(self) -> bool:
        return bool(self.named)
