"""The strategic report as one HTML page: what drives the outcome, what the line decided, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from assembly_line.declarations.lines import Line
from assembly_line.outcome_kinds import Binary
from assembly_line.pages import Cell, document, facts, listed, mark, table
from assembly_line.reporting.associations import Association, spread
from assembly_line.reporting.figures import Earned, Figures, Part
from assembly_line.reporting.grouped import Mean
from assembly_line.reporting.plots import of_groups, over_time
from assembly_line.reporting.randomised import Randomised
from assembly_line.reporting.words import TOO_FEW, TOO_FEW_MEANS, between, chance, difference, money, outcome, share

if TYPE_CHECKING:
    from assembly_line.feedback import Performance

# Features with a plot of their own.
MOST_DRAWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSubject:
    """What a report is about.

    Args:
        line: as it is declared now.
        outcome: what the number is that is averaged.
        shares: whether it is 0 or 1.
        cluster: key whose decisions belong together.
        period: days of the decisions, in words.
        as_of: when the ledger was read.
        release: in force now.
        models, datasets: ids that the decisions of the period were made with -> how many decisions.
        missing: datasets that are no longer there.
        by: key of the segments.
        meanings: feature -> what it is.
        performance: of the period.
    """

    line: Line
    outcome: str
    shares: bool
    cluster: str
    period: str
    as_of: str
    release: str
    models: Mapping[str, int]
    datasets: Mapping[str, int]
    missing: Sequence[str] = ()
    by: str | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)
    performance: Performance | None = None


def report_page(subject: ReportSubject, figures: Figures) -> str:
    """The page; well-formed as XML too."""
    line = subject.line
    body = [
        f"<h1>{escape(line.title)}</h1>",
        f'<p class="soft">Strategic report of line <code>{escape(line.name)}</code>, owned by {escape(line.owner)}. '
        f"{escape(subject.period)}. As of {escape(subject.as_of)}.</p>",
        _facts(subject, figures),
        listed(_in_short(subject, figures)),
        _decided(subject, figures),
        _came(subject, figures),
        _acting(subject, figures.randomised),
        _money(subject, figures),
        _drives(subject, figures),
        _predictions(subject),
        "<h2>What this report cannot say</h2>",
        listed(_cannot(subject, figures)),
        _method(subject),
    ]
    return document(f"{line.title}: report", body)


def _told(subject: ReportSubject, value: float | None) -> str:
    return outcome(value, share=subject.shares)


def _facts(subject: ReportSubject, figures: Figures) -> str:
    whole, policy = figures.whole, subject.line.policy
    said = {
        "Decisions": f"{whole.decisions:,}",
        policy.act: share(whole.acted, whole.decisions),
        "Changed by people": share(whole.overridden, whole.decisions),
        "Outcome certain": share(whole.known, whole.in_force),
        subject.outcome: _told(subject, whole.mean.mean),
    }
    if figures.earned:
        said["Net value"] = money(sum(one.net for one in figures.earned), policy.currency)
    return facts(said)


def _in_short(subject: ReportSubject, figures: Figures) -> Iterator[str]:
    whole, policy = figures.whole, subject.line.policy
    if not whole.decisions:
        yield "No decision of this period was delivered. There is nothing to report yet."
        return
    yield (
        f"{whole.decisions:,} decisions were delivered. {whole.acted:,} ended as {policy.act}, "
        f"{whole.decisions - whole.acted:,} as {policy.otherwise}."
    )
    if not whole.known:
        yield "No outcome is certain yet. So nothing can be said of what came of these decisions."
        return
    waiting = whole.in_force - whole.known
    known = f"{whole.known:,} outcomes are certain" + (f", and {waiting:,} are not yet." if waiting else ".")
    if whole.mean.mean is None:
        yield f"{known} They are too few for a figure."
    else:
        yield (
            f"{known} {subject.outcome}: {_told(subject, whole.mean.mean)} "
            f"({between(whole.mean.interval, share=subject.shares)})."
        )
    clear = [one for one in figures.associations or () if one.clear]
    if figures.associations is not None:
        looks = sum(one.chance is not None for one in figures.associations)
        named = ", ".join(one.name for one in clear[:3])
        yield (
            f"{len(clear)} of {looks} features go along with the outcome beyond chance"
            + (f", most clearly {named}." if clear else ".")
        )
    yield _acting_in_short(subject, figures.randomised)


def _acting_in_short(subject: ReportSubject, found: Randomised | None) -> str:
    act, otherwise = subject.line.policy.actions
    if found is None:
        return f"Nothing was left to chance, so this report cannot say what {act} changes."
    if found.difference is None:
        return f"Too few decisions were left to chance to say what {act} changes."
    value, (low, high) = found.difference
    said = f"Where chance decided, {act} instead of {otherwise} came to {difference(value, share=subject.shares)}"
    clear = "" if low > 0 or high < 0 else " That is within what chance alone does."
    return f"{said} ({_differences(subject, (low, high))}).{clear}"


def _differences(subject: ReportSubject, interval: Sequence[float]) -> str:
    return " to ".join(difference(bound, share=subject.shares) for bound in interval)


def _decided(subject: ReportSubject, figures: Figures) -> str:
    if not figures.whole.decisions:
        return ""
    head = ("", "decisions", "share", "by chance", "changed by people")
    parts = [
        "<h2>What the line decided</h2>",
        table(
            "By the action that the line recommended", head, _shares(figures.recommended, figures.whole), numbers=(2,)
        ),
    ]
    if len(figures.arms) > 1:
        parts.append(table("By arm", head, _shares(figures.arms, figures.whole), numbers=(2,)))
    parts.append(
        over_time(
            figures.months,
            act=subject.line.policy.act,
            outcome=subject.outcome,
            told=partial(outcome, share=subject.shares),
        )
    )
    return "".join(parts)


def _shares(parts: Sequence[Part], whole: Part) -> list[list[Cell]]:
    return [
        [part.name, part.decisions, share(part.decisions, whole.decisions), part.explored, part.overridden]
        for part in parts
    ]


def _came(subject: ReportSubject, figures: Figures) -> str:
    whole = figures.whole
    if not whole.decisions:
        return ""
    if not whole.known:
        return (
            "<h2>What came of it</h2><p>No outcome of a decision in force is certain yet. "
            f"{whole.in_force:,} decisions wait for theirs.</p>"
        )
    head = ("", "decisions", "outcome certain", subject.outcome, "95 % interval")
    parts = [
        "<h2>What came of it</h2>",
        table(
            "By the action in the end. It is no effect of the action: the line chose which cases get which",
            head,
            _outcomes(subject, [*figures.decided, whole]),
            numbers=(3, 4),
        ),
    ]
    if figures.segments:
        more = f"; {figures.more_segments:,} with fewer decisions are not listed" if figures.more_segments else ""
        caption = f"By {subject.by}, those with the most decisions first{more}"
        acted: list[list[Cell]] = [
            [*cells[:2], share(part.acted, part.decisions), *cells[2:]]
            for cells, part in zip(_outcomes(subject, figures.segments), figures.segments, strict=True)
        ]
        names = (subject.by or "", "decisions", subject.line.policy.act, *head[2:])
        parts.append(table(caption, names, acted, numbers=(2, 4, 5)))
    return "".join(parts)


def _outcomes(subject: ReportSubject, parts: Sequence[Part]) -> list[list[Cell]]:
    return [
        [
            part.name,
            part.decisions,
            part.known,
            _told(subject, part.mean.mean),
            between(part.mean.interval, share=subject.shares),
        ]
        for part in parts
    ]


def _acting(subject: ReportSubject, found: Randomised | None) -> str:
    act, otherwise = subject.line.policy.actions
    head = f"<h2>What {escape(act)} changes</h2>"
    if found is None:
        return (
            f"{head}<p>No decision with a certain outcome was left to chance. A comparison of {escape(act)} with "
            f"{escape(otherwise)} would compare different cases, so there is none here. A policy with "
            "<code>exploration</code> makes one possible.</p>"
        )
    rows = [
        _by_chance(subject, f"if all had been {action}", mean, effective)
        for action, mean, effective in zip((act, otherwise), (found.acted, found.left), found.effective, strict=True)
    ]
    said = [
        f"Each of {found.decisions:,} decisions had a known chance of either action. A lot decided {found.explored:,} "
        "of them. Each is weighed by the inverse of the chance of its action (Hájek).",
        _acting_in_short(subject, found),
    ]
    if found.net is not None:
        value, interval = found.net
        currency = subject.line.policy.currency
        bounds = " to ".join(money(bound, currency) for bound in interval)
        said.append(f"In money, {act} instead of {otherwise} came to {money(value, currency)} a decision ({bounds}).")
    return (
        head
        + listed(said)
        + table(
            "This compares what was recommended, whatever people made of it",
            ("", "decisions", "as much as", subject.outcome, "95 % interval"),
            rows,
            numbers=(3, 4),
        )
        + '<p class="soft">As much as: so many decisions of equal weight would tell as much.</p>'
    )


def _by_chance(subject: ReportSubject, name: str, mean: Mean, effective: float) -> list[Cell]:
    interval = between(mean.interval, share=subject.shares)
    return [name, mean.rows, round(effective), _told(subject, mean.mean), interval]


def _money(subject: ReportSubject, figures: Figures) -> str:
    policy, whole = subject.line.policy, figures.whole
    if not whole.decisions:
        return ""
    head = "<h2>In money</h2>"
    if not (policy.values or policy.costs):
        return f"{head}<p>The policy declares neither values nor costs, so this report has no money in it.</p>"
    if not isinstance(subject.line.predicts, Binary):
        return (
            f"{head}<p>The policy's values are of an outcome that is present or not. This line's outcome is a "
            f"{escape(subject.line.predicts.name)}, so this report has no money in it.</p>"
        )
    if not figures.earned:
        return f"{head}<p>No outcome is certain yet, so nothing has come in.</p>"
    rows = [_earned_row(one, policy.currency) for one in figures.earned]
    total = Earned(
        action="all",
        decisions=sum(one.decisions for one in figures.earned),
        present=sum(one.present for one in figures.earned),
        value=sum(one.value for one in figures.earned),
        cost=sum(one.cost for one in figures.earned),
    )
    rates = [
        f"{action}: {money(policy.values.get(action, 0.0), policy.currency)} where the outcome is present, "
        f"{money(policy.costs.get(action, 0.0), policy.currency)} cost each time"
        for action in policy.actions
    ]
    return (
        head
        + table(
            "Decisions with a certain outcome, by the action in the end and the values of policy "
            f"version {policy.version}",
            ("", "decisions", f"with {subject.outcome}", "value", "cost", "net"),
            [*rows, _earned_row(total, policy.currency)],
            numbers=(3, 4, 5),
        )
        + listed(rates)
        + '<p class="soft">It is what these decisions came to, not what the line added: some outcomes would have come '
        "anyway.</p>"
    )


def _earned_row(one: Earned, currency: str | None) -> list[Cell]:
    return [one.action, one.decisions, one.present, *(money(each, currency) for each in (one.value, one.cost, one.net))]


def _drives(subject: ReportSubject, figures: Figures) -> str:
    head = "<h2>What goes along with the outcome</h2>"
    if figures.associations is None:
        if not figures.whole.known:
            return f"{head}<p>No outcome is certain yet.</p>" if figures.whole.decisions else ""
        return f"{head}<p>The datasets that these decisions were scored with are no longer there.</p>"
    looks = sum(one.chance is not None for one in figures.associations)
    said = (
        f'<p class="sampled">This is correlation. It does not say that changing a feature would change the outcome. '
        f"{looks} features were looked at, and chance is adjusted for that many looks (Holm).</p>"
    )
    drawn = [
        of_groups(
            f"{subject.outcome} by {one.name}; dotted: all decisions",
            one.shown,
            whole=figures.whole.mean.mean,
            told=partial(outcome, share=subject.shares),
        )
        for one in [one for one in figures.associations if one.clear and one.shown][:MOST_DRAWN]
    ]
    plots = f'<div class="plots">{"".join(drawn)}</div>' if drawn else "<p>No feature is clear enough for a plot.</p>"
    rows = [_association(subject, one) for one in figures.associations]
    caption = (
        f"{subject.outcome} where it is lowest and highest, and the highest fifth of a number less its lowest fifth "
        "with a 95 % interval"
    )
    columns = ("feature", "lowest", "highest", "highest less lowest fifth", "chance, adjusted", "")
    meant = [f"{one.name}: {subject.meanings[one.name]}" for one in figures.associations if one.clear and one.shown]
    return f"{head}{said}{plots}{table(caption, columns, rows, html=(5,))}{listed(meant, 'notes soft')}"


def _association(subject: ReportSubject, one: Association) -> list[Cell]:
    if one.chance is None:
        return [one.name, one.why_not, None, None, None, mark("not judged", "type")]
    verdict = mark("beyond chance", "passed") if one.clear else mark("may be chance", "type")
    if one.personal:
        return [one.name, "personal data: not shown", None, None, chance(one.adjusted), verdict]
    found = spread(one.groups)
    cells: list[Cell] = [TOO_FEW, TOO_FEW]
    if found is not None:
        cells = [f"{_told(subject, mean.mean)} at {label}" for label, mean in found]
    told = None
    if one.difference is not None:
        value, interval = one.difference
        told = f"{difference(value, share=subject.shares)} ({_differences(subject, interval)})"
    return [one.name, *cells, told, chance(one.adjusted), verdict]


def _predictions(subject: ReportSubject) -> str:
    found = subject.performance
    if found is None or not found.rows:
        return ""
    rows: list[list[Cell]] = []
    for measure in subject.line.predicts.measures:
        value, interval = (found.figures.get(f"{measure.name}{end}") for end in ("", "_interval"))
        beside = [found.figures.get(f"{of}_{measure.name}") for of in ("baseline", "prior")]
        rows.append([measure.words, *map(_figure, (value,)), _bounds(interval), *map(_figure, beside)])
    caption = f"Predictions in force against {found.rows:,} certain outcomes"
    head = ("", "the line", "95 % interval", f"rule by {subject.line.training.baseline}", "without features")
    return f"<h2>How good the predictions were</h2>{table(caption, head, rows, numbers=(1, 2, 3, 4))}"


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _bounds(interval: Sequence[float] | None) -> str | None:
    return None if interval is None else " to ".join(f"{bound:.3f}" for bound in interval)


def _cannot(subject: ReportSubject, figures: Figures) -> Iterator[str]:
    whole, act = figures.whole, subject.line.policy.act
    yield (
        "Why an outcome comes. Features that go along with it may only stand for something else, and the line's own "
        "actions are among the causes."
    )
    if figures.randomised is None:
        yield f"What {act} changes, as chance decided nothing."
    if whole.in_force > whole.known:
        yield f"What comes of the {whole.in_force - whole.known:,} decisions in force whose outcome is not certain yet."
    if whole.decisions > whole.in_force:
        yield (
            f"What came of {whole.decisions - whole.in_force:,} delivered decisions of which no revision was in force: "
            "they are not judged."
        )
    if figures.without_cluster:
        yield f"Anything of {figures.without_cluster:,} decisions that lack the key {subject.cluster}."
    if subject.missing:
        yield (
            f"How features go along with the outcome in {len(subject.missing)} of {len(subject.datasets)} datasets, "
            "which are no longer there."
        )
    if figures.earned:
        yield "What values were declared earlier: the money is by the policy of today's release."
    yield "What was never offered to the line: only decisions that it scored and delivered are here."


def _method(subject: ReportSubject) -> str:
    rows: list[list[Cell]] = [
        ["release in force", subject.release],
    ]
    for what, made_with in (("model", subject.models), ("dataset", subject.datasets)):
        rows += [[f"{what} of", f"{count:,} decisions: {name}"] for name, count in made_with.items()]
    said = [
        "Counted are delivered decisions; judged are those of which a revision was in force and whose outcome is "
        "certain.",
        f"Decisions of one {subject.cluster} belong together: intervals and chances are by cluster. An interval holds "
        "the true figure 95 times of 100.",
        "Chance is the score test of equal means between the groups of a feature: fifths of a number, or its commonest "
        "values, and no value as a group of its own (Boos 1992). Holm's adjustment bounds the chance of even one false "
        "claim by 5 %.",
        f"{TOO_FEW_MEANS.replace('clusters', f'values of {subject.cluster}')}.",
    ]
    return f"<h2>How to read it</h2>{listed(said)}{table('Made with', ('', ''), rows)}"
