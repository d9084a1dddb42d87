"""Whether a model's answers are those of the batch: counts, ids one to one, and each of the outcome's kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assembly_line.errors import ScoringFailed
from assembly_line.outcome_kinds import Answer, OutcomeKind, Unusable, shown

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
        answers: decision_id -> answer, in order of the spine.
        quarantined: in order of the spine.
        repeated: rows of the spine beyond the first of their decision.
    """

    answers: Mapping[str, Answer]
    quarantined: tuple[Quarantined, ...]
    repeated: int


def check_answers(asked: Sequence[str], lines: Iterable[str], *, kind: OutcomeKind) -> CheckedAnswers:
    """Match a model's answers to the decisions it was asked about, by id and never by position.

    Args:
        asked: the decision_id of each row of the spine.
        lines: the transform job's output: `decision_id,answer`, in any order.
        kind: of the outcome that is predicted.

    Raises:
        ScoringFailed: rows are missing or too many, ids are of another batch, or not one answer can be used.
    """
    answered = [line.strip().partition(",") for line in lines if line.strip()]
    _check_ids(Counter(asked), Counter(identifier for identifier, _, _ in answered))
    texts: dict[str, set[str]] = {}
    for identifier, _, text in answered:
        texts.setdefault(identifier, set()).add(text.strip())
    usable: dict[str, Answer] = {}
    quarantined = []
    for identifier in dict.fromkeys(asked):
        found = _judge(kind, identifier, texts[identifier])
        if isinstance(found, Quarantined):
            quarantined.append(found)
        else:
            usable[identifier] = found
    if quarantined and not usable:
        raise ScoringFailed(
            f"none of the model's {len(asked)} answers can be used; the first: {quarantined[0].decision_id}: "
            f"{quarantined[0].detail}; nothing was delivered; correct the model and score again"
        )
    return CheckedAnswers(usable, tuple(quarantined), len(asked) - len(texts))


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


def _judge(kind: OutcomeKind, identifier: str, texts: set[str]) -> Answer | Quarantined:
    answers: set[Answer] = set()
    refused: list[Unusable] = []
    for text in sorted(texts):
        try:
            answers.add(kind.read(text))
        except Unusable as error:
            refused.append(error)
    if len(texts) > 1 and (refused or len(answers) > 1):
        said = ", ".join(map(shown, sorted(texts)))
        return Quarantined(identifier, Reason.TWO_SCORES, f"scores {said}, expected one")
    if refused:
        return Quarantined(identifier, Reason(refused[0].reason), str(refused[0]))
    return answers.pop()
