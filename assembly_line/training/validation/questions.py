"""What a model is asked beside its holdout: the same rows as scoring asks them, and rows with exchanged values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assembly_line.encoding import Table
from assembly_line.errors import TrainingRejected
from assembly_line.features import ModelInputs, inputs_from_json
from assembly_line.outcome_kinds import Answer, OutcomeKind, Ranking, Truth
from assembly_line.training.serving.places import MEBIBYTE, batch_size
from assembly_line.training.validation.perturbation import MARK

SEED = 0
# Of a batch that a transform job scores anyway. It bounds the time of that job, and of the function that reads it.
LARGEST = 8 * MEBIBYTE
# More rows of a feature would narrow its interval little.
MOST_ROWS = 2_000
# Of fewer, a figure says nothing.
LEAST_ROWS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Which held-out decisions are asked about once more.

    Args:
        repeated: places of those that are asked as the line scores: unchanged, in another order.
        exchanged: places of those whose values are exchanged, for each of `features` in turn.
    """

    repeated: list[int]
    exchanged: list[int]
    features: list[str]


def questions(
    kind: OutcomeKind,
    truths: Sequence[Truth],
    features: Sequence[str],
    *,
    asked: bytes,
    function_bytes: int,
    repeat: bool,
) -> Questions:
    """Choose as many decisions as may be asked about without another place of scoring.

    Where a function would score what is asked so far, it still does. Half of its room is for `repeated`.

    Args:
        kind: of the outcome. Of a ranking whole groups are chosen.
        truths: of the held-out decisions.
        features: those whose values are exchanged.
        asked: CSV so far, one line a row.
        function_bytes: the largest batch that a function scores; 0 if none does.
        repeat: whether decisions are asked about as the line scores.
    """
    rows, held = asked.count(b"\n"), len(truths)
    size = batch_size(len(asked), rows, width=kind.width)
    # A mark behind the id of a decision takes a few bytes more.
    each = size / rows + 6
    room = int(((function_bytes - size) if size <= function_bytes else LARGEST) / each)
    repeated = _spread(held, room // 2) if repeat else []
    most = min((room - len(repeated)) // len(features), MOST_ROWS) if features else 0
    chosen = _whole_groups(truths, most) if isinstance(kind, Ranking) else _spread(held, most)
    enough = len(chosen) >= min(LEAST_ROWS, held)
    return Questions(
        repeated=repeated[::-1],
        exchanged=chosen if enough else [],
        features=list(features) if enough else [],
    )


def asked_more(found: Questions, inputs: ModelInputs, holdout: Table, *, ids: Sequence[str]) -> bytes:
    """The rows as CSV: `repeated` by the inputs as scoring reads them from the store, then `exchanged`.

    Args:
        inputs: of the fit.
        holdout: column -> values of the held-out decisions.
        ids: of these rows, as they are asked.
    """
    stored = inputs_from_json(json.loads(json.dumps(inputs.to_json())))
    repeated = stored.csv(_rows(holdout, found.repeated), first=ids[: len(found.repeated)])
    parts, begin = [repeated], len(found.repeated)
    table = _rows(holdout, found.exchanged)
    for name in found.features:
        order = np.random.default_rng(SEED).permutation(len(found.exchanged)).tolist()
        exchanged = {**table, name: [table[name][row] for row in order]}
        parts.append(inputs.csv(exchanged, first=ids[begin : begin + len(order)]))
        begin += len(order)
    return b"".join(parts)


def ids_of(found: Questions, decisions: Sequence[str]) -> list[str]:
    """What each row is asked as: unlike any decision's id."""
    repeated = [f"{decisions[place]}{MARK}{MARK}" for place in found.repeated]
    each = range(len(found.features))
    return [*repeated, *(f"{decisions[place]}{MARK}{number}" for number in each for place in found.exchanged)]


def require_equal(
    fit: str,
    answers: Sequence[Answer],
    again: Sequence[Answer] | str,
    places: Sequence[int],
    ids: Sequence[str],
    *,
    tolerance: float,
) -> None:
    """Refuse a model that answers the same row otherwise when it is asked as the line scores.

    Args:
        fit: which one, for the message.
        answers: of the held-out decisions.
        again: of those at `places`, asked with stored inputs and in another order; or why they cannot be used.
        ids: of the held-out decisions.
        tolerance: how far two answers may lie apart, as a share of the answers' standard deviation.

    Raises:
        TrainingRejected: they are not equal; names the decision that is farthest off.
    """
    if not places:
        return
    advice = "inference.py must answer each row by itself, without chance and without the rows around it"
    expected = "the answer that it was judged by"
    where = f"{fit} fit: holdout, asked again as the line scores"
    if isinstance(again, str):
        raise TrainingRejected.about(where, again, expected, advice)
    first, second = np.array(answers, np.float64), np.array(again, np.float64)
    spread = np.where(np.ptp(first, axis=0) > 0, first.std(axis=0), 0.0)
    beyond = (np.abs(second - first[list(places)]) - tolerance * spread).max(axis=1)
    if (outside := int(np.count_nonzero(beyond > 0))) == 0:
        return
    row = int(beyond.argmax())
    raise TrainingRejected.about(
        f"{where}: decision {ids[places[row]]}",
        f"the answer is {_shown(again[row])}, and {outside:,} of {len(places):,} differ",
        f"{_shown(answers[places[row]])}, {expected}",
        advice,
    )


def _shown(answer: Answer) -> str:
    return ", ".join(f"{number:.9g}" for number in answer)


def _spread(held: int, most: int) -> list[int]:
    """Places at equal distances."""
    kept = min(held, max(most, 0))
    return np.unique(np.linspace(0, held - 1, kept).round().astype(int)).tolist() if kept else []


def _whole_groups(truths: Sequence[Truth], most: int) -> list[int]:
    """Places of as many groups as fit, at equal distances: an order of some of a group is another task."""
    groups: dict[float, list[int]] = {}
    for place, truth in enumerate(truths):
        groups.setdefault(np.asarray(truth)[1].item(), []).append(place)
    found = list(groups.values())
    kept = min(len(found), most * len(found) // max(len(truths), 1))
    chosen = [found[place] for place in _spread(len(found), kept)]
    while chosen and sum(map(len, chosen)) > most:
        chosen.pop()
    return sorted(place for group in chosen for place in group)


def _rows(table: Table, places: Sequence[int]) -> Table:
    return {name: [values[place] for place in places] for name, values in table.items()}
