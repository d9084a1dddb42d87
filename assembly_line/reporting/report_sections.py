"""What a report is about, and its longer sections: what acting changes, the money, and what goes along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from assembly_line.declarations.lines import Line
from assembly_line.outcome_kinds import Binary
from assembly_line.pages import Cell, listed, mark, table
from assembly_line.reporting.associations import Association, spread
from assembly_line.reporting.figures import Earned, Figures
from assembly_line.reporting.grouped import Mean
from assembly_line.reporting.plots import of_groups
from assembly_line.reporting.randomised import Randomised
from assembly_line.reporting.words import POINTS, TOO_FEW, between, chance, difference, money, outcome

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


def told(subject: ReportSubject, value: float | None) -> str:
    """A mean outcome of this line."""
    return outcome(value, share=subject.shares)


def differences(subject: ReportSubject, interval: Sequence[float]) -> str:
    low, high = (difference(bound, share=subject.shares) for bound in interval)
    return f"{low.removesuffix(POINTS)} to {high.removesuffix(POINTS)}"


def acting_in_short(subject: ReportSubject, found: Randomised | None) -> str:
    act, otherwise = subject.line.policy.actions
    if found is None:
        return f"Nothing was left to chance, so this report cannot say what {act} changes."
    if found.difference is None:
        return f"Too few decisions were left to chance to say what {act} changes."
    value, (low, high) = found.difference
    said = f"Where chance decided, {act} instead of {otherwise} came to {difference(value, share=subject.shares)}"
    clear = "" if low > 0 or high < 0 else " That is within what chance alone does."
    return f"{said} ({differences(subject, (low, high))}).{clear}"


def acting(subject: ReportSubject, figures: Figures) -> str:
    act, otherwise = subject.line.policy.actions
    head, found = f"<h2>What {escape(act)} changes</h2>", figures.randomised
    if figures.whole.explored and not figures.whole.known:
        return (
            f"{head}<p>A lot decided {figures.whole.explored:,} decisions. None of their outcomes is certain yet.</p>"
        )
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
        acting_in_short(subject, found),
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
            stacked=True,
        )
        + '<p class="soft">As much as: so many decisions of equal weight would tell as much.</p>'
    )


def _by_chance(subject: ReportSubject, name: str, mean: Mean, effective: float) -> list[Cell]:
    interval = between(mean.interval, share=subject.shares)
    return [name, mean.rows, round(effective), told(subject, mean.mean), interval]


def in_money(subject: ReportSubject, figures: Figures) -> str:
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
    total = Earned(
        action="all",
        decisions=sum(one.decisions for one in figures.earned),
        present=sum(one.present for one in figures.earned),
        value=sum(one.value for one in figures.earned),
        cost=sum(one.cost for one in figures.earned),
    )
    rows = [_earned_row(one, policy.currency, total) for one in (*figures.earned, total)]
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
            rows,
            numbers=(3, 4, 5),
            stacked=True,
        )
        + listed(rates)
        + '<p class="soft">It is what these decisions came to, not what the line added: some outcomes would have come '
        "anyway.</p>"
    )


def _earned_row(one: Earned, currency: str | None, total: Earned) -> list[Cell]:
    largest = max(abs(total.value), abs(total.cost), abs(total.net))
    sums = (money(each, currency, largest=largest) for each in (one.value, one.cost, one.net))
    return [one.action, one.decisions, one.present, *sums]


def goes_along(subject: ReportSubject, figures: Figures) -> str:
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
    shown = [one for one in figures.associations if one.clear and one.shown][:MOST_DRAWN]
    drawn = [
        of_groups(
            f"{subject.outcome} by {one.name}; dotted: all decisions",
            one.shown,
            whole=figures.whole.mean.mean,
            told=partial(outcome, share=subject.shares),
        )
        for one in shown
    ]
    plots = f'<div class="plots">{"".join(drawn)}</div>' if drawn else "<p>No feature is clear enough for a plot.</p>"
    rows = [_association(subject, one) for one in figures.associations]
    caption = (
        f"{subject.outcome} where it is lowest and highest, and the highest fifth of a number less its lowest fifth "
        "with a 95 % interval"
    )
    columns = ("feature", "lowest", "highest", "highest less lowest fifth", "chance, adjusted", "")
    meant = [f"{one.name}: {subject.meanings[one.name]}" for one in shown]
    explained = listed(meant, "notes soft")
    return f"{head}{said}{plots}{explained}{table(caption, columns, rows, html=(5,), stacked=True)}"


def _association(subject: ReportSubject, one: Association) -> list[Cell]:
    if one.chance is None:
        return [one.name, one.why_not, None, None, None, mark("not judged", "type")]
    verdict = mark("beyond chance", "passed") if one.clear else mark("may be chance", "type")
    if one.personal:
        return [one.name, "personal data: not shown", None, None, chance(one.adjusted), verdict]
    found = spread(one.groups)
    cells: list[Cell] = [TOO_FEW, TOO_FEW]
    if found is not None:
        cells = [f"{told(subject, mean.mean)} at {label}" for label, mean in found]
    apart = None
    if one.difference is not None:
        value, interval = one.difference
        apart = f"{difference(value, share=subject.shares)} ({differences(subject, interval)})"
    return [one.name, *cells, apart, chance(one.adjusted), verdict]
