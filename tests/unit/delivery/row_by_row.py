"""The row-wise model of a batch: one value for each decision, as plain as can be. The columns must write its bytes."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, cast

from pydantic import ValidationError

from assembly_line.canonical import canonical_json, digest
from assembly_line.declarations.decisions import Policy
from assembly_line.declarations.lines import Line
from assembly_line.delivery import Form, OutboundMessage, ScoringContext
from assembly_line.delivery.answers import Reason
from assembly_line.encoding import rule_number
from assembly_line.errors import ScoringFailed
from assembly_line.instants import format_instant
from assembly_line.messages import AnyPrediction, Model, Prediction, PredictionV2, Rank
from assembly_line.outcome_kinds import Answer, Binary, OutcomeKind, Ranking, Unusable, places, shown
from assembly_line.refusals import describe

NAMED = 5
CHAMPION_ARM = "champion"
DIGITS = 13
EVEN = Fraction(1, 2)


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


@dataclass(frozen=True, slots=True)
class SpineRow:
    """One decision as the dataset holds it. `offset`: its position in the spine; `baseline`: the one-feature rule's."""

    offset: int
    decision_id: str
    decision_time: datetime
    keys: Mapping[str, Any]
    baseline: Any


@dataclass(frozen=True, slots=True)
class ComposedBatch:
    """A batch, decided: predictions in order of the spine with their ledger rows, and what was kept aside."""

    predictions: tuple[AnyPrediction, ...]
    rows: tuple[dict[str, Any], ...]
    quarantined: tuple[dict[str, Any], ...]

    @property
    def distinct(self) -> int:
        """Distinct decisions of the batch; each is delivered, quarantined, dead-lettered or withheld."""
        return len(self.predictions) + len(self.quarantined)

    @property
    def reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(str(row["reason"]) for row in self.quarantined).items()))


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided.

    Args:
        propensity: how probable this action was for this decision, given the batch and the policy, before any draw.
        explored: it was drawn to explore, so that a lot and not its score decided; the lot may agree with the score.
    """

    action: str
    propensity: float
    explored: bool


def choose(policy: Policy, *, line: str, scores: Mapping[str, float]) -> dict[str, Choice]:
    """Decide a whole batch.

    Under a capacity exactly `places(...)` decisions get `act`, whatever is explored. The highest scores hold these
    places; equal scores come in order of a hash of their decision_id. A fixed number of the holders and of the others
    is drawn to explore. All that are drawn share by lot the places that the holders among them gave up. Under a
    threshold, or a capacity of 1, no place is scarce: each decision explores by itself, and acts with an even chance.

    All draws are hashes of line, policy version and decision, and one of the batch: a repetition draws the same.

    Args:
        line: the line's name.
        scores: decision_id -> score in [0, 1], of the decisions that can be delivered.
    """
    draws = Draws(line, policy.version)
    if policy.capacity is None or policy.capacity >= 1:
        return {
            identifier: _by_itself(policy, draws, identifier, favoured=_reaches(policy, score))
            for identifier, score in scores.items()
        }
    ranked = sorted(scores, key=lambda identifier: (-scores[identifier], digest(["tie", identifier])))
    held = places(policy.capacity, len(ranked))
    return _within_capacity(policy, draws, ranked, held=held)


@dataclass(frozen=True, slots=True)
class Explorers:
    """How many explore: of those that hold a place, and of the others. `weight`: how probable these numbers are."""

    holders: int
    others: int
    weight: Fraction

    def chance(self) -> Fraction:
        """How probable `act` is for one that explores: places that were given up, for each that was drawn."""
        return Fraction(self.holders, self.holders + self.others)


def possible_explorers(exploration: float, *, held: int, others: int) -> list[Explorers]:
    """Every pair of numbers that the draw of the batch can give, in order of that draw.

    On average `exploration` of the holders and of the others explore. Both numbers are rounded by one draw, up where it
    is high: so they are rounded up together as often as can be, for a place can only change hands between the two.
    """
    share = Fraction(Decimal(repr(exploration)))
    expected = (share * held, share * others)
    bounds = sorted({Fraction(0), Fraction(1), *(1 - (number - floor(number)) for number in expected)})
    return [
        Explorers(floor(expected[0] + low), floor(expected[1] + low), high - low)
        for low, high in itertools.pairwise(bounds)
    ]


class Draws:
    """Lots that a repetition draws alike: each is a hash of its purpose, the line, the policy version and a name."""

    def __init__(self, line: str, version: int) -> None:
        self._of = (line, version)

    def number(self, purpose: str, name: str) -> Fraction:
        return Fraction(int(self._digest(purpose, name)[:DIGITS], 16), 16**DIGITS)

    def some(self, purpose: str, names: Collection[str], count: int) -> list[str]:
        """So many of the names; every choice of them is equally probable."""
        return sorted(names, key=lambda name: self._digest(purpose, name))[:count]

    def _digest(self, purpose: str, name: str) -> str:
        return digest([purpose, *self._of, name])


def _within_capacity(policy: Policy, draws: Draws, ranked: Sequence[str], *, held: int) -> dict[str, Choice]:
    holders, others = ranked[:held], ranked[held:]
    possible = possible_explorers(policy.exploration, held=held, others=len(others))
    drawn = _drawn(possible, draws.number("batch", digest(sorted(ranked))))
    exploring = {
        *draws.some("exploration", holders, drawn.holders),
        *draws.some("exploration", others, drawn.others),
    }
    acting = {*holders} - exploring | {*draws.some("place", exploring, drawn.holders)}
    chances = {True: _chance(possible, held, holds=True), False: _chance(possible, len(others), holds=False)}
    kept = {*holders}
    return {
        identifier: _choice(
            policy, acts=identifier in acting, chance=chances[identifier in kept], explored=identifier in exploring
        )
        for identifier in ranked
    }


def _drawn(possible: Sequence[Explorers], number: Fraction) -> Explorers:
    reached = Fraction(0)
    for found in possible:
        reached += found.weight
        if number < reached:
            return found
    raise ValueError(f"the draw {number} is not below 1")


def _chance(possible: Sequence[Explorers], members: int, *, holds: bool) -> Fraction:
    """How probable `act` is for a decision that holds a place, or for one that does not."""
    if not members:
        return Fraction(holds)
    total = Fraction(0)
    for found in possible:
        exploring = found.holders if holds else found.others
        share = Fraction(exploring, members)
        total += found.weight * ((1 - share) * holds + (share * found.chance() if exploring else 0))
    return total


def _reaches(policy: Policy, score: float) -> bool:
    return policy.threshold is None or score >= policy.threshold


def _by_itself(policy: Policy, draws: Draws, identifier: str, *, favoured: bool) -> Choice:
    exploration = Fraction(Decimal(repr(policy.exploration)))
    explored = draws.number("exploration", identifier) < exploration
    acts = draws.number("place", identifier) < EVEN if explored else favoured
    return _choice(policy, acts=acts, chance=(1 - exploration) * favoured + exploration * EVEN, explored=explored)


def _choice(policy: Policy, *, acts: bool, chance: Fraction, explored: bool) -> Choice:
    return Choice(
        action=policy.act if acts else policy.otherwise,
        propensity=float(chance if acts else 1 - chance),
        explored=explored,
    )


def compose(
    context: ScoringContext,
    *,
    line: Line,
    dataset_id: str,
    spine: Sequence[SpineRow],
    answers: CheckedAnswers,
    scales: Mapping[str, float] | None = None,
) -> ComposedBatch:
    """Decide the batch and write it down, the same every time it is asked for.

    Decisions that are ranked against each other are decided group by group, as their scores compare with no others.
    A decision that cannot be sent (a key is empty or null, a field breaks the schema, its action has expired or would
    expire after the year 9999) is kept aside before the policy decides, so that it takes no place of another.

    Args:
        line: whose policy decides, on the number that it cuts.
        spine: every row of the dataset, in order; repetitions of a decision are taken once.
        scales: of a forecast: series -> what its errors are measured by; kept beside each prediction.
    """
    first = {row.decision_id: row for row in reversed(spine)}
    quarantined = list(answers.quarantined)
    sendable: dict[str, AnyPrediction] = {}
    for identifier, answer in answers.answers.items():
        found = _undecided(context, line, first[identifier], answer)
        if isinstance(found, Quarantined):
            quarantined.append(found)
        else:
            sendable[identifier] = found
    choices: dict[str, Choice] = {}
    for members in _units(line.predicts, sendable):
        if isinstance(line.predicts, Ranking):
            sendable |= _ranked(line.predicts, {identifier: sendable[identifier] for identifier in members})
        scores = {identifier: sendable[identifier].score for identifier in members}
        choices |= choose(line.policy, line=context.line, scores=scores)
    predictions, rows = [], []
    for identifier, undecided in sendable.items():
        choice = choices[identifier]
        prediction = undecided.model_copy(update={"action": choice.action, "propensity": choice.propensity})
        predictions.append(prediction)
        kept = {} if scales is None else {"scale": scales.get(line.predicts.series(prediction.keys))}
        rows.append(_ledger_row(context, prediction, first[identifier], choice, dataset_id) | kept)
    quarantined.sort(key=lambda item: first[item.decision_id].offset)
    aside = tuple(_quarantine_row(context, item, first[item.decision_id]) for item in quarantined)
    return ComposedBatch(tuple(predictions), tuple(rows), aside)


def _units(kind: OutcomeKind, sendable: Mapping[str, AnyPrediction]) -> list[list[str]]:
    """The decisions whose scores compare with each other; all of them, but for a ranking."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for identifier, one in sendable.items():
        found.setdefault(kind.unit(one.decision_time, one.keys), []).append(identifier)
    return list(found.values())


def _ranked(kind: Ranking, members: Mapping[str, AnyPrediction]) -> dict[str, AnyPrediction]:
    """Each with its place in the group."""
    higher = sorted(-one.score for one in members.values())
    within = list(kind.within)
    return {
        identifier: one.model_copy(
            update={
                "detail": Rank(kind="rank", within=within, rank=1 + bisect_left(higher, -one.score), of=len(higher))
            }
        )
        for identifier, one in members.items()
    }


def _undecided(context: ScoringContext, line: Line, row: SpineRow, answer: Answer) -> AnyPrediction | Quarantined:
    """The prediction before the policy decides, with the action that is free; or why it cannot be sent."""
    policy = line.policy
    problem = _problem(row.keys) or _without_end(row.decision_time, policy)
    if problem is not None:
        return Quarantined(row.decision_id, Reason.UNSENDABLE, problem)
    expires_at = row.decision_time + policy.expires_after
    if expires_at <= context.instant:
        ended = f"expires_at is {format_instant(expires_at)}, expected after the run's instant"
        return Quarantined(row.decision_id, Reason.EXPIRED, f"{ended} {format_instant(context.instant)}")
    try:
        return _prediction(context, line, row, answer, expires_at)
    except ValidationError as error:
        return Quarantined(row.decision_id, Reason.UNSENDABLE, describe(error, AnyPrediction))


def _problem(keys: Mapping[str, Any]) -> str | None:
    for column, value in keys.items():
        if type(value) not in (int, str, bool):
            return f"key {column} is {value!r}, expected an integer, a string or a boolean"
        if value == "":
            return f"key {column} is empty"
    return None


def _without_end(decision_time: datetime, policy: Policy) -> str | None:
    try:
        decision_time + policy.expires_after
    except OverflowError:
        at = format_instant(decision_time)
        return f"expires_at: {policy.expires_after} after {at} lies after the year 9999, expected before its end"
    return None


def _prediction(
    context: ScoringContext, line: Line, row: SpineRow, answer: Answer, expires_at: datetime
) -> AnyPrediction:
    kind = line.predicts
    said: dict[str, Any] = {
        "line": context.line,
        "decision_id": row.decision_id,
        "revision": context.revision,
        "decision_time": row.decision_time,
        "keys": dict(row.keys),
        "score": kind.score(answer),
        "action": line.policy.otherwise,
        "propensity": 1.0,
        "arm": CHAMPION_ARM,
        "policy_version": line.policy.version,
        "model": Model(run_id=context.champion.run_id, digest=context.champion.digest),
        "batch": context.run_id,
        "issued_at": context.instant,
        "expires_at": expires_at,
    }
    if isinstance(kind, Binary):
        return Prediction(**said)
    return PredictionV2(
        **said,
        outcome=line.outcome.name,
        kind=cast("Any", kind.name),
        lowest=kind.lowest,
        highest=kind.highest,
        detail=cast("Any", kind.detail(answer)),
    )


def _ledger_row(
    context: ScoringContext, prediction: AnyPrediction, row: SpineRow, choice: Choice, dataset_id: str
) -> dict[str, Any]:
    return {
        **prediction.to_values(),
        "explored": choice.explored,
        "offset": row.offset,
        "release": context.release,
        "model_release": context.champion.release,
        "dataset_id": dataset_id,
        "baseline": rule_number(row.baseline),
        "prior": context.champion.prior,
        "principal": context.principal,
        "run_id": context.run_id,
        "backfill": list(context.backfill),
    }


def _quarantine_row(context: ScoringContext, item: Quarantined, row: SpineRow) -> dict[str, Any]:
    return {
        "station": "delivery",
        "line": context.line,
        "run_id": context.run_id,
        "decision_id": item.decision_id,
        "revision": context.revision,
        "offset": row.offset,
        "reason": str(item.reason),
        "detail": item.detail,
        "at": format_instant(context.started_at),
    }


def outbox_line(prediction: AnyPrediction, form: Form) -> bytes:
    """A message whose body is as large as it is."""
    attributes = dict(form.attributes(prediction))
    message = OutboundMessage(prediction.decision_id, prediction.revision, prediction.to_json(), attributes)
    return canonical_json(asdict(message))
