"""How good the predictions in force were, judged by mature outcomes alone, beside the prior rate and a simple rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused
from assembly_line.feedback.decided import DECISION_MONTH, DELIVERED, Decided, key_of, keys_of, read_decided
from assembly_line.outcome_kinds import DECISION_TIME, Binary, OutcomeKind, Truth

if TYPE_CHECKING:
    from assembly_line.ledger import LedgerSession

DRAWS = 1000
SEED = 7
# How many of the latest decisions the figure of today is of.
LATEST = 10_000
NOTHING = "no mature outcome yet"
OTHER_QUESTION = "no mature outcome yet of the kind that the line declares now; of another kind: {}"
NONE_IN_FORCE = "no revision was in force: delivered before it expired and before its outcome became known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Figures of one group of decisions, or of all. What cannot be computed is None, and `why_not` says why.

    Args:
        group: value of the grouping key; None for all decisions together.
        decisions: delivered decisions, mature or not.
        in_force: those of which a revision was in force, see `feedback.in_force`; the others are not judged.
        other_question: those in force with a mature outcome that are left out, as the prediction or the outcome is of a
            kind that the line declared before.
        rows: the others in force with a mature outcome; all figures below are of these, each by its revision in force.
        counts: what the outcome's kind counts of these rows; `positives` of a binary one: rows whose outcome is the
            declared present value.
        prior: mean of the rates of training that came with the predictions; None for other kinds than binary.
        figures: what `metrics.figures` gives for each measure of the kind. The intervals are of a bootstrap over whole
            clusters. A row without a value of the one-feature rule counts as the lowest.
        why_not: figure -> reason.
    """

    group: int | str | bool | None
    decisions: int
    in_force: int
    other_question: int
    rows: int
    counts: Mapping[str, int]
    prior: float | None
    figures: Mapping[str, Any]
    why_not: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        counts, figures, why_not = (document.pop(name) for name in ("counts", "figures", "why_not"))
        return {**document, **counts, **figures, "why_not": why_not}


def measure(
    ledger: LedgerSession,
    *,
    kind: OutcomeKind,
    cluster: str,
    by: str | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[Performance]:
    """Judge the predictions in force: one result for each group in order of its first decision, the pooled one last.

    Args:
        ledger: one line's, with `decisions`.
        kind: of the outcome, with its measures.
        cluster: key whose rows belong together, such as `household_id`.
        by: key to group by, such as `campaign_id`; without it only the pooled result. A decision without this key is
            in no group, one without `cluster` is not judged, see `without_keys`.
        draws: resamples of the bootstrap.
        seed: the same seed gives the same interval.

    Raises:
        RequestRefused: no decision has `cluster`, or `by`, as a key; or `cluster` parts the groups of a ranking.
    """
    _require_whole(kind, cluster)
    for name in filter(None, (cluster, by)):
        require_key(ledger, name)
    decided = read_decided(ledger, cluster=cluster, by=by, whole=not kind.scalar)
    parts = decided.groups() if by else []
    return [_measure(group, members, kind=kind, draws=draws, seed=seed) for group, members in [*parts, (None, decided)]]


def latest_figure(ledger: LedgerSession, *, kind: OutcomeKind, cluster: str, latest: int = LATEST) -> float | None:
    """The first measure of the kind over the latest judged decisions; None where it cannot be computed.

    Args:
        cluster: key that every judged decision has.
        latest: how many. Those with the decision time of the last one are all in it.
    """
    judged = f"{DELIVERED} AND in_force AND outcome IS NOT NULL"
    since = (
        "SELECT min(decision_time) FROM (SELECT decision_time FROM decisions "
        f"WHERE {judged} ORDER BY decision_time DESC LIMIT {latest})"
    )
    where = f"{judged} AND decision_time >= ({since})"
    decided = read_decided(ledger, cluster=cluster, by=None, whole=not kind.scalar, where=where)
    return _first(kind, decided.taken(decided.judged(kind)))


@dataclass(frozen=True, slots=True)
class Figured:
    """A figure of the judged decisions of a group. Args: `figure`: None where it cannot be computed."""

    group: str
    rows: int
    figure: float | None


def figures_by_month(ledger: LedgerSession, *, kind: OutcomeKind, cluster: str) -> list[Figured]:
    """The first measure of the kind by month of the decision (UTC), in order; without intervals, so that it is quick.

    Args:
        cluster: key that every judged decision has.
    """
    where = f"{DELIVERED} AND in_force AND outcome IS NOT NULL"
    decided = read_decided(ledger, cluster=cluster, by=DECISION_MONTH, whole=not kind.scalar, where=where)
    return [Figured(group, len(judged), _first(kind, judged)) for group, judged in _judged_parts(decided, kind)]


def _judged_parts(decided: Decided, kind: OutcomeKind) -> Iterator[tuple[Any, Decided]]:
    for group, members in decided.groups():
        yield group, members.taken(members.judged(kind))


def _first(kind: OutcomeKind, judged: Decided) -> float | None:
    from assembly_line.metrics import METRICS

    if not len(judged):
        return None
    return METRICS[kind.measures[0].name](judged.answers(kind), judged.truths(kind), kind.levels)


def nothing_judged(kind: OutcomeKind) -> Performance:
    """The result of a line without decisions. To measure it would take an engine, which takes longer than the rest."""
    figures = dict.fromkeys(kind.figures)
    return Performance(
        group=None,
        decisions=0,
        in_force=0,
        other_question=0,
        rows=0,
        counts=kind.counts([]),
        prior=None,
        why_not=dict.fromkeys(figures, NOTHING),
        figures=figures,
    )


def without_keys(ledger: LedgerSession, names: Iterable[str]) -> dict[str, int]:
    """Key -> how many delivered decisions lack it, such as those made before the line declared it; none with 0."""
    counts = {name: ledger.number(f"{DELIVERED} AND {key_of(name)} IS NULL") for name in names}
    return {name: count for name, count in counts.items() if count}


def require_key(ledger: LedgerSession, name: str) -> None:
    """Refuse a key that no decision has.

    Raises:
        RequestRefused: names the keys that there are.
    """
    known = keys_of(ledger)
    if known and name not in (*known, DECISION_TIME, DECISION_MONTH):
        raise RequestRefused(
            f"key {name!r}: decisions have {', '.join(known)}",
            where="by",
            value=repr(name),
            expected=f"one of {', '.join(known)}",
        )


def _require_whole(kind: OutcomeKind, cluster: str) -> None:
    """Refuse a cluster by which a draw would take a part of those that are ranked against each other."""
    allowed = kind.clusters
    if allowed is not None and cluster not in allowed:
        raise RequestRefused(
            f"cluster {cluster!r}: a draw would part decisions that are ranked against each other; "
            f"take {' or '.join(allowed)}",
            where="cluster",
            value=repr(cluster),
            expected=f"one of {', '.join(allowed)}",
        )


def _measure(group: Any, decisions: Decided, *, kind: OutcomeKind, draws: int, seed: int) -> Performance:
    decided = decisions.taken(decisions.in_force)
    known = decided.taken(decided.known)
    mature = known.taken(known.judged(kind))
    others = len(known) - len(mature)
    outcomes = mature.truths(kind)
    figures = _figures(mature, outcomes, kind=kind, draws=draws, seed=seed)
    reason = NONE_IN_FORCE if len(decisions) and not len(decided) else _nothing_to_judge(kind, outcomes, others)
    rates = mature.prior.of(lambda prior: prior if isinstance(prior, float) else math.nan)
    rates = rates[rates == rates]  # noqa: PLR0124 - what is no number equals nothing
    return Performance(
        group=group,
        decisions=len(decisions),
        in_force=len(decided),
        other_question=others,
        rows=len(mature),
        counts=kind.counts(outcomes),
        prior=float(rates.mean()) if len(rates) else None,
        why_not={name: _why_not(kind, name, figures, reason) for name, found in figures.items() if found is None},
        figures=figures,
    )


def _why_not(kind: OutcomeKind, figure: str, figures: Mapping[str, Any], reason: str | None) -> str:
    measure = figure.removesuffix("_interval").removeprefix("prior_").removeprefix("baseline_")
    if reason is not None and figures[measure] is None:
        return reason
    if figure.endswith("_interval"):
        return f"too few clusters, or too few with {kind.needs}, to resample"
    if figure.startswith("baseline_"):
        return "the one-feature rule has no numeric value here"
    return f"the mature outcomes lack {kind.needs}"


def _figures(
    mature: Decided, outcomes: Sequence[Truth] | Any, *, kind: OutcomeKind, draws: int, seed: int
) -> dict[str, Any]:
    if not len(mature):
        return dict.fromkeys(kind.figures)
    from assembly_line.metrics import figures

    priors, prior_of = mature.prior.used()
    return figures(
        kind,
        mature.answers(kind),
        outcomes,
        mature.cluster.codes,
        priors=priors,
        prior_of=prior_of,
        rule=mature.baseline,
        draws=draws,
        seed=seed,
    )


def _nothing_to_judge(kind: OutcomeKind, truths: Sequence[Truth] | Any, others: int) -> str | None:
    if not len(truths):
        return OTHER_QUESTION.format(others) if others else NOTHING
    if isinstance(truths[0], Sequence):
        return kind.constant(truths)
    if len({*truths}) > 1:
        return None
    one = ("negative", "positive")[int(truths[0])] if kind.name == Binary.name else f"{truths[0]:g}"
    return f"all {len(truths)} mature outcomes are {one}"
