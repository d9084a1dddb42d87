"""Whether a model's answers are those of the batch: counts, ids one to one, and each score a probability."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assembly_line.errors import ScoringFailed

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE | re.ASCII)
NAMED = 5


class Reason(StrEnum):
    """Why one decision of a batch is not delivered while the rest is."""

    NOT_A_NUMBER = "score_not_a_number"
    NOT_FINITE = "score_not_finite"
    OUT_OF_RANGE = "score_out_of_range"
    TWO_SCORES = "two_scores"
    UNSENDABLE = "message_invalid"
    EXPIRED = "action_expired"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One decision kept aside; `detail` shows the value and what was expected."""

    decision_id: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedAnswers:
    """What can be delivered of a batch, and what cannot.

    Args:
        scores: decision_id -> score in [0, 1], in order of the spine.
        quarantined: in order of the spine.
        repeated: rows of the spine beyond the first of their decision.
    """

    scores: Mapping[str, float]
    quarantined: tuple[Quarantined, ...]
    repeated: int


def check_answers(asked: Sequence[str], lines: Iterable[str]) -> CheckedAnswers:
    """Match a model's answers to the decisions it was asked about, by id and never by position.

    Args:
        asked: the decision_id of each row of the spine.
        lines: the transform job's output: `decision_id,score`, in any order.

    Raises:
        ScoringFailed: rows are missing or too many, ids are of another batch, or not one score can be used.
    """
    answered = [line.strip().partition(",") for line in lines if line.strip()]
    _check_ids(Counter(asked), Counter(identifier for identifier, _, _ in answered))
    texts: dict[str, set[str]] = {}
    for identifier, _, text in answered:
        texts.setdefault(identifier, set()).add(text.strip())
    scores: dict[str, float] = {}
    quarantined = []
    for identifier in dict.fromkeys(asked):
        found = _judge(identifier, texts[identifier])
        if isinstance(found, Quarantined):
            quarantined.append(found)
        else:
            scores[identifier] = found
    if quarantined and not scores:
        raise ScoringFailed(
            f"none of the model's {len(asked)} answers can be used; the first: {quarantined[0].decision_id}: "
            f"{quarantined[0].detail}; nothing was delivered; correct the model and score again"
        )
    return CheckedAnswers(scores, tuple(quarantined), len(asked) - len(texts))


def _check_ids(asked: Counter[str], answered: Counter[str]) -> None:
    missing, extra = asked - answered, answered - asked
    if missing or extra:
        raise ScoringFailed(
            f"the model was asked about {asked.total()} rows and answered {answered.total()}: "
            f"{_name('missing', missing)}, {_name('too many or unknown', extra)}; "
            "nothing was delivered; correct inference.py or the model, then score again"
        )


def _name(what: str, ids: Counter[str]) -> str:
    first = ", ".join(repr(identifier[:60]) for identifier in list(ids)[:NAMED])
    return f"{ids.total()} {what}" + (f" (first: {first})" if first else "")


def _judge(identifier: str, texts: set[str]) -> float | Quarantined:
    values = {text: float(text) if NUMBER.fullmatch(text) else None for text in sorted(texts)}
    if len(texts) > 1 and (None in values.values() or len(set(values.values())) > 1):
        return Quarantined(identifier, Reason.TWO_SCORES, f"scores {', '.join(map(_shown, values))}, expected one")
    text, value = next(iter(values.items()))
    if value is None:
        return Quarantined(identifier, Reason.NOT_A_NUMBER, f"score {_shown(text)} is not a number in [0, 1]")
    if not math.isfinite(value):
        return Quarantined(identifier, Reason.NOT_FINITE, f"score {_shown(text)} is not finite, expected [0, 1]")
    if not 0 <= value <= 1:
        return Quarantined(identifier, Reason.OUT_OF_RANGE, f"score {_shown(text)} is outside [0, 1]")
    return value


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
