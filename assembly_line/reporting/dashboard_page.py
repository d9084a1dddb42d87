"""The tactical dashboard as one HTML page: how the line stands now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from assembly_line.declarations.lines import Line
from assembly_line.instants import parse_instant
from assembly_line.pages import Cell, document, facts, figure, listed, table
from assembly_line.plots import DEEP, labelled, svg
from assembly_line.reporting.plots import stacked, ticks
from assembly_line.reporting.standing import Lately, Standing
from assembly_line.reporting.words import share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from assembly_line.feedback import Figured

# Of fewer judged decisions a figure says little.
LEAST_JUDGED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSubject:
    """What a dashboard is about.

    Args:
        now: when the ledger was read.
        paused: why the deliveries are paused; None if they are not.
        dead_letters: reason -> decisions that did not arrive because of it.
        quarantined: rows of the ledger that were kept aside, ever.
        performance: the first measure by month, in order.
    """

    line: Line
    now: datetime
    paused: str | None
    dead_letters: Mapping[str, int]
    quarantined: int
    performance: Sequence[Figured]


def dashboard_page(subject: DashboardSubject, found: Standing) -> str:
    """The page; well-formed as XML too."""
    line = subject.line
    body = [
        f"<h1>{escape(line.title)}</h1>",
        f'<p class="soft">Dashboard of line <code>{escape(line.name)}</code>, owned by {escape(line.owner)}. '
        f"As of {subject.now:%Y-%m-%d %H:%M} UTC.</p>",
        _facts(subject, found),
        listed(_attention(subject, found), "notes blocked"),
        *(_sections(subject, found) if found.whole else ["<p>No decision was delivered yet.</p>"]),
    ]
    return document(f"{line.title}: dashboard", body)


def _facts(subject: DashboardSubject, found: Standing) -> str:
    whole = found.whole
    latest = subject.performance[-1] if subject.performance else None
    measure = subject.line.predicts.measures[0].words
    return facts(
        {
            "Decisions delivered": f"{whole.decisions:,}" if whole else "0",
            subject.line.policy.act: share(whole.acted, whole.decisions) if whole else "-",
            "Last decision": whole.last[:10] if whole and whole.last else "none",
            "Last delivery": _ago(subject, found),
            "Not delivered": f"{found.undelivered:,}",
            "Outcome certain": share(whole.known, whole.in_force) if whole else "-",
            f"{measure}, {latest.group}" if latest else measure: _figure(latest),
        }
    )


def _ago(subject: DashboardSubject, found: Standing) -> str:
    last = max((run.last for run in found.runs if run.last), default=None)
    if last is None:
        return "none"
    hours = (subject.now - parse_instant(last, field="delivered_at")).total_seconds() / 3600
    return last[:10] if hours > 72 or hours < 0 else f"{hours:.0f} h ago" if hours >= 1 else "within the hour"


def _attention(subject: DashboardSubject, found: Standing) -> Iterator[str]:
    if subject.paused is not None:
        yield f"Deliveries are paused: {subject.paused}"
    for reason, count in subject.dead_letters.items():
        yield (
            f"{count:,} decisions did not arrive: {reason}. The command line delivery dead-letters list names the "
            "dead letters of a run."
        )
    unsent = found.undelivered - sum(subject.dead_letters.values())
    if unsent > 0:
        yield f"{unsent:,} scored decisions have not left yet."
    if found.whole and found.whole.decisions > found.whole.in_force:
        late = found.whole.decisions - found.whole.in_force
        yield f"{late:,} delivered decisions were not in force in time, and are not judged."


def _sections(subject: DashboardSubject, found: Standing) -> Iterator[str]:
    line, what = subject.line, "day" if found.by_day else "month"
    act, otherwise = line.policy.actions
    names = [one.name[5:] if found.by_day else one.name for one in found.buckets]
    acted = [one.acted for one in found.buckets]
    others = [one.decisions - one.acted for one in found.buckets]
    yield "<h2>Decisions</h2>"
    plots = [
        stacked(names, [(act, acted), (otherwise, others)], caption=f"Decisions by {what} and action", up="decisions"),
        stacked(
            names,
            [
                ("certain", [one.known for one in found.buckets]),
                ("not yet", [one.in_force - one.known for one in found.buckets]),
            ],
            caption=f"Outcomes of decisions in force, by {what} of the decision",
            up="decisions in force",
        ),
    ]
    judged = [one for one in subject.performance if one.figure is not None and one.rows >= LEAST_JUDGED]
    if judged:
        plots.append(_trend(subject, judged))
    yield f'<div class="plots">{"".join(plots)}</div>'
    if found.segments:
        yield table(
            f"By {found.segment}, those with the most decisions first",
            (found.segment or "", "decisions", act, otherwise, "changed by people", "outcome certain"),
            [_row(one) for one in found.segments],
            numbers=(5,),
            stacked=True,
        )
    if len(found.arms) > 1:
        head = ("arm", "decisions", act, otherwise, "changed by people", "outcome certain")
        yield table("By arm", head, [_row(one) for one in found.arms], numbers=(5,), stacked=True)
    yield from _delivery(subject, found)
    if found.reasons:
        rows: list[list[Cell]] = [[reason, count] for reason, count in found.reasons]
        yield f"<h2>Why people decided otherwise</h2>{table('', ('reason', 'decisions'), rows)}"
    yield _performance(subject)


def _row(one: Lately) -> list[Cell]:
    return [
        one.name,
        one.decisions,
        one.acted,
        one.decisions - one.acted,
        one.overridden,
        share(one.known, one.in_force),
    ]


def _delivery(subject: DashboardSubject, found: Standing) -> Iterator[str]:
    yield "<h2>Delivery</h2>"
    said = []
    if found.hours is not None:
        middle, most = found.hours
        said.append(
            f"From the time of a decision to its delivery: {_hours(middle)} in the middle, "
            f"{_hours(most)} or less for 95 of 100."
        )
    said.append(f"{subject.quarantined:,} scores and statements were kept aside in all.")
    if found.backfills:
        said.append(f"{found.backfills:,} decisions were scored for the past alone, and withheld.")
    yield listed(said)
    rows: list[list[Cell]] = [
        [one.name, one.decisions, one.acted, (one.last or "-")[:16].replace("T", " ")] for one in found.runs
    ]
    yield table(
        "The latest runs whose predictions are in force",
        ("run", "decisions", subject.line.policy.act, "last delivery (UTC)"),
        rows,
        numbers=(3,),
        stacked=True,
    )
    if subject.dead_letters:
        dead: list[list[Cell]] = [[reason, count] for reason, count in subject.dead_letters.items()]
        yield table("Decisions that did not arrive", ("reason", "decisions"), dead)


def _hours(hours: float) -> str:
    if abs(hours) < 1 / 60:
        return f"{hours * 3600:.0f} s"
    if abs(hours) < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 72 else f"{hours / 24:.1f} days"


def _trend(subject: DashboardSubject, judged: Sequence[Figured]) -> str:
    names = [str(one.group) for one in judged]
    values = [one.figure or 0.0 for one in judged]
    words = subject.line.predicts.measures[0].words

    def draw(axes: Axes) -> None:
        axes.plot(range(len(names)), values, color=DEEP, marker="o", markersize=5)
        axes.set_xlim(-0.6, len(names) - 0.4)
        labelled(axes, "", words)
        ticks(axes, names)

    said = "; ".join(f"{name}: {value:.3f}" for name, value in zip(names, values, strict=True))
    return figure(f"{words} by month of the decision", svg(draw, title=f"{words} by month", description=said))


def _performance(subject: DashboardSubject) -> str:
    head = "<h2>Performance</h2>"
    if not subject.performance:
        return f"{head}<p>No outcome of a decision in force is certain yet.</p>"
    measure = subject.line.predicts.measures[0]
    rows: list[list[Cell]] = [[str(one.group), one.rows, _figure(one)] for one in subject.performance]
    better = "higher" if measure.higher else "lower"
    caption = (
        f"{measure.words} of predictions in force against certain outcomes; {better} is better. The command "
        f"line performance {subject.line.name} gives intervals and comparisons"
    )
    return f"{head}{table(caption, ('month', 'judged decisions', measure.words), rows, numbers=(2,))}"


def _figure(found: Figured | None) -> str:
    if found is None:
        return "none yet"
    return "too few" if found.figure is None or found.rows < LEAST_JUDGED else f"{found.figure:.3f}"
