"""A dataset's profile as one HTML page that needs nothing else: no network, no script. Every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from assembly_line.features.model.findings import Finding
from assembly_line.features.profile.figures import FeatureProfile, Level, Profile
from assembly_line.features.profile.plots import bars, over_months, short
from assembly_line.features.quality.leak_findings import PREFIX
from assembly_line.features.spine.sampling import share_of_positives
from assembly_line.features.wording.decision_wording import sampling_in_words
from assembly_line.pages import Cell, details, document, facts, figure, listed, mark, table

ORDER = ("error", "warning", "allowed", "not judged", "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the page is about.

    Args:
        described: name -> text, such as the dataset's id, period, release.
        excluded: reason -> spine rows left out.
        sampling: what was asked, kept and dropped, as the manifest has it; None if every decision is there.
    """

    title: str
    owner: str
    dataset_id: str
    purpose: str
    described: Mapping[str, str]
    excluded: Mapping[str, int]
    findings: Sequence[Finding]
    limitations: Sequence[str]
    sampling: Mapping[str, Any] | None = None


def page(subject: Subject, profile: Profile) -> str:
    """The page; well-formed as XML too."""
    body = [
        f"<h1>{escape(subject.title)}</h1>",
        f'<p class="soft">Profile of a {escape(subject.purpose)} dataset, '
        f"<code>{escape(subject.dataset_id)}</code>, owned by {escape(subject.owner)}</p>",
        _facts(subject, profile),
        _sampled(subject, profile),
        _described(subject),
        _outcome(subject, profile),
        _trust(subject),
        _overview(profile),
        "<h2>Each feature</h2>",
        _key(profile),
        *(_feature(feature, profile, subject.findings) for feature in profile.features),
    ]
    return document(f"{subject.title}: dataset profile", body)


def _facts(subject: Subject, profile: Profile) -> str:
    worst = next((one for one in ORDER if any(finding.result == one for finding in subject.findings)), "not judged")
    verdict = {"error": "refused", "warning": "passed, with warnings"}.get(worst, "passed")
    said = {
        "Decisions": f"{profile.rows:,}",
        "Period": f"{profile.first} to {profile.last}" if profile.first else "none",
        "Features": f"{len(profile.features):,}",
        **_outcome_facts(subject, profile),
        "Quality gate": verdict if subject.findings else "not judged",
    }
    return facts(said)


def _outcome_facts(subject: Subject, profile: Profile) -> dict[str, str]:
    if profile.outcome is None:
        return {}
    rate = _rate(profile.rate, profile)
    if subject.sampling is None:
        return {f"Outcome {profile.outcome}": rate}
    whole = share_of_positives(subject.sampling)
    before = {} if whole is None else {f"Outcome {profile.outcome}, of all decisions": f"{whole:.2%}"}
    return {f"Outcome {profile.outcome}, of the sample": rate, **before}


def _sampled(subject: Subject, profile: Profile) -> str:
    """Whose figures they are, where not every decision is there."""
    if subject.sampling is None:
        return ""
    said = [f"Decisions were sampled. {sampling_in_words(subject.sampling).capitalize()}."]
    if share_of_positives(subject.sampling) is None:
        said.append("Every figure of features and outcome on this page is the sample's.")
    else:
        said.append(
            "Every figure of features and outcome on this page is the sample's, but for the share of "
            f"{profile.outcome} of all decisions; an AUC is not changed by it."
        )
    return f'<p class="sampled">{escape(" ".join(said))}</p>'


def _described(subject: Subject) -> str:
    left_out = {f"left out: {reason.replace('_', ' ')}": f"{n:,}" for reason, n in subject.excluded.items() if n}
    rows = [[name, value] for name, value in {**subject.described, **left_out}.items()]
    limits = listed(subject.limitations)
    said = f"<h2>Limitations</h2>{limits}" if limits else ""
    return table("What was asked for, and from what it was built", ("", ""), rows) + said


def _outcome(subject: Subject, profile: Profile) -> str:
    if profile.outcome is None or not profile.months:
        return ""
    what = "Share of positives" if profile.is_share else "Mean"
    rows: list[list[Cell]] = [[month.label, month.rows, _rate(month.rate, profile)] for month in profile.months]
    plot = bars(
        profile.months,
        title=f"Decisions and outcome {profile.outcome} by month",
        description="; ".join(", ".join(map(str, row)) for row in rows),
    )
    caption = f"{what} of {profile.outcome} (dotted, right) and number of decisions (bars, left) by month"
    if subject.sampling is not None:
        caption += ", of the sample"
    return (
        f"<h2>Outcome over time</h2>{figure(caption, plot, 'wide')}"
        f"{details(table('The same as a table', ('month', 'decisions', what.lower()), rows))}"
    )


def _trust(subject: Subject) -> str:
    if not subject.findings:
        return ""
    findings = sorted(subject.findings, key=lambda finding: ORDER.index(finding.result))
    audit = [finding for finding in findings if finding.rule.startswith(PREFIX)]
    rules = [finding for finding in findings if finding not in audit]
    head = ("rule", "result", "found", "expected")
    parts = ["<h2>Can it be trusted?</h2>"]
    if audit:
        parts.append(table("Leakage audit", head, [_finding(one, PREFIX) for one in audit], html=(1,)))
    parts.append(table("Quality rules", head, [_finding(one) for one in rules], html=(1,)))
    for finding in findings:
        if finding.allowed is not None:
            parts.append(f"<p>{escape(finding.rule)} is allowed because: {escape(finding.allowed)}</p>")
        if finding.examples:
            rows: list[list[Cell]] = [
                [one.decision_id, one.column, None if one.value is None else str(one.value)] for one in finding.examples
            ]
            parts.append(details(table(f"Rows behind: {finding.rule}", ("decision", "column", "value"), rows)))
    return "".join(parts)


def _finding(finding: Finding, prefix: str = "") -> list[Cell]:
    return [finding.rule.removeprefix(prefix), mark(finding.result), finding.value, finding.expected]


def _overview(profile: Profile) -> str:
    rows: list[list[Cell]] = [
        [
            f'<a href="#{escape(one.name)}">{escape(one.name)}</a>',
            one.kind,
            _share(one.nulls, one.rows),
            f"{one.distinct:,}",
            "not shown" if one.personal else _number(one.quantiles.get(0.5)),
            "-" if one.separation is None else f"{one.separation:.3f}",
        ]
        for one in profile.features
    ]
    head = ("feature", "type", "null", "distinct", "median", "AUC alone")
    caption = "AUC alone: how well one feature tells the outcomes apart, either way; 0.5 is not at all"
    return f"<h2>All features</h2>{table(caption, head, rows, html=(0,), numbers=(2, 3, 4, 5))}"


def _key(profile: Profile) -> str:
    rate = "share of positives" if profile.is_share else "mean of the outcome"
    outcome = f' <b class="two">Dotted, right scale</b>: {rate}, or share of nulls.' if profile.outcome else ""
    return (
        '<p class="key">Bars, left scale: number of decisions. <b class="one">Line, left scale</b>: mean by month.'
        f"{outcome} Months are those of the decision, in UTC.</p>"
    )


def _feature(feature: FeatureProfile, profile: Profile, findings: Sequence[Finding]) -> str:
    marks = [mark(feature.kind, "type")]
    if feature.personal:
        marks.append(mark("personal data: values are not shown", "personal"))
    marks += [mark(one.rule.removeprefix(PREFIX), one.result) for one in findings if one.feature == feature.name]
    return (
        f'<section class="feature" id="{escape(feature.name)}"><header><h3>{escape(feature.name)}</h3>'
        f"{''.join(marks)}</header><p>{escape(feature.meaning)}</p>{_figures(feature)}"
        f'<div class="plots">{_plots(feature, profile)}</div></section>'
    )


def _figures(feature: FeatureProfile) -> str:
    said = [f"{_share(feature.nulls, feature.rows)} null", f"{feature.distinct:,} different values"]
    if feature.low is not None and feature.high is not None:
        quantiles = ", ".join(f"{share:.0%} {_number(value)}" for share, value in feature.quantiles.items())
        said += [
            f"from {_number(feature.low)} to {_number(feature.high)}",
            f"mean {_number(feature.mean)}",
            f"quantiles {quantiles}",
        ]
    if feature.separation is not None:
        said.append(f"AUC alone {feature.separation:.3f}")
    return f'<p class="soft">{escape("; ".join(said))}</p>'


def _plots(feature: FeatureProfile, profile: Profile) -> str:
    plots = []
    if feature.distribution:
        plots.append(figure("Distribution", _bars(f"Distribution of {feature.name}", feature.distribution, profile)))
    if feature.relation:
        what = f"{profile.outcome} by {feature.name}"
        plots.append(figure(f"Relation to {profile.outcome}", _bars(what, feature.relation, profile)))
    months = over_months(
        feature.months,
        title=f"{feature.name} by month",
        description="; ".join(
            f"{month.label}: {month.nulls:.1%} null" + ("" if month.mean is None else f", mean {_number(month.mean)}")
            for month in feature.months
        ),
    )
    with_mean = any(month.mean is not None for month in feature.months)
    plots.append(figure(f"Over time: {'mean and share' if with_mean else 'share'} of nulls", months))
    return "".join(plots)


def _bars(title: str, levels: Sequence[Level], profile: Profile) -> str:
    described = "; ".join(
        f"{level.label}: {level.rows} rows" + ("" if level.rate is None else f", {_rate(level.rate, profile)}")
        for level in levels
    )
    return bars(levels, title=title, description=described)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _rate(rate: float | None, profile: Profile) -> str:
    if rate is None:
        return "-"
    return f"{rate:.2%}" if profile.is_share else _number(rate)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if abs(value) < 1e15 and value == int(value):
        return f"{int(value):,}"
    return short(value) if abs(value) >= 1e4 else f"{value:.4g}"
