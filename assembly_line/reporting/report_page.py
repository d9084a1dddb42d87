"""The strategic report as one HTML page: what drives the outcome, what the line decided, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from html import escape

from assembly_line.pages import Cell, document, facts, listed, table
from assembly_line.reporting.figures import Figures, Part
from assembly_line.reporting.plots import over_time
from assembly_line.reporting.report_sections import ReportSubject, acting, acting_in_short, goes_along, in_money, told
from assembly_line.reporting.words import TOO_FEW_MEANS, between, money, outcome, share


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
        acting(subject, figures),
        in_money(subject, figures),
        goes_along(subject, figures),
        _predictions(subject),
        "<h2>What this report cannot say</h2>",
        listed(_cannot(subject, figures)),
        _method(subject),
    ]
    return document(f"{line.title}: report", body)


def _facts(subject: ReportSubject, figures: Figures) -> str:
    whole, policy = figures.whole, subject.line.policy
    said = {
        "Decisions": f"{whole.decisions:,}",
        policy.act: share(whole.acted, whole.decisions),
        "Changed by people": share(whole.overridden, whole.decisions),
        "Outcome certain": share(whole.known, whole.in_force),
        subject.outcome: told(subject, whole.mean.mean) if whole.known else "none yet",
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
            f"{known} {subject.outcome}: {told(subject, whole.mean.mean)} "
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
    yield acting_in_short(subject, figures.randomised)


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
            stacked=True,
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
        parts.append(table(caption, names, acted, numbers=(2, 4, 5), stacked=True))
    return "".join(parts)


def _outcomes(subject: ReportSubject, parts: Sequence[Part]) -> list[list[Cell]]:
    return [
        [
            part.name,
            part.decisions,
            part.known,
            told(subject, part.mean.mean),
            between(part.mean.interval, share=subject.shares),
        ]
        for part in parts
    ]


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
        why = "no outcome is certain yet" if whole.explored and not whole.known else "chance decided nothing"
        yield f"What {act} changes, as {why}."
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
