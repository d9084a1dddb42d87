"""From a checked batch to what is kept and what is sent: ledger rows, quarantine rows and messages."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from assembly_line.declarations.decisions import Policy
from assembly_line.declarations.lines import Line
from assembly_line.delivery.answers import CheckedAnswers, Quarantined, Reason
from assembly_line.delivery.context import ScoringContext
from assembly_line.delivery.policy import CHAMPION_ARM, Choice, choose
from assembly_line.encoding import rule_number
from assembly_line.errors import RequestRefused, ScoringFailed
from assembly_line.instants import format_instant
from assembly_line.messages import AnyPrediction, Model, Prediction, PredictionV2, Rank
from assembly_line.outcome_kinds import Answer, Binary, OutcomeKind, Ranking
from assembly_line.refusals import describe

if TYPE_CHECKING:
    from assembly_line.training import Champion


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


def require_same_question(line: Line, champion: Champion, learnt: Line) -> None:
    """Refuse a champion that decides about other keys, or predicts something else, than the line declares now.

    Args:
        learnt: the line as the champion was trained with it.

    Raises:
        RequestRefused: says both keys, and what to do.
        ScoringFailed: says both kinds of answer, and what to do.
    """
    wanted, given = line.predicts, learnt.predicts
    if not wanted.answers_like(given):
        raise ScoringFailed(
            f"line {line.name}: the champion {champion.run_id} answers {given.name} {given.question}, "
            f"the line declares {wanted.name} {wanted.question} now; train it again with `line train {line.name}`"
        )
    now, before = (_keys(one.decision.keys) for one in (line, learnt))
    if now != before:
        raise RequestRefused.about(
            f"Line {line.name}: champion {champion.run_id}",
            f"it learnt release {champion.release[:12]} with keys {before}",
            f"a champion of the keys that the line declares now, {now}",
            f"train a run of the current release with `line train {line.name}`, and approve it",
        )


def _keys(keys: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in keys.items())


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
