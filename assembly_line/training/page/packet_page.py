"""A review as one HTML page, from its stored packet alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from assembly_line.outcome_kinds import MEASURES, Measure, kind_of
from assembly_line.pages import Cell, document, facts, listed, mark, table
from assembly_line.training.page.packet_plots import measure_plot, plots_of, segment_plot
from assembly_line.training.page.recipe_page import recipe_sections
from assembly_line.training.page.words import interval, number
from assembly_line.training.tuning.search import search_in_words

# What a run looks into only where its line declares it.
DECLARED = {"folds": "earlier folds", "noise": "planted noise", "learning_curve": "a learning curve"}
JUDGED = {"approve": "approved", "reject": "rejected"}


def packet_page(review: Mapping[str, Any]) -> str:
    """The page: decision, figures, data, method, limits, changes, who is affected, and the judgement.

    Args:
        review: as the API shows it, of this version or an earlier one.

    Raises:
        NotFound: the library that draws the plots is not installed.
    """
    packet = review["packet"]
    title = (packet.get("decision") or {}).get("title") or packet["line"]
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">Review packet of run <code>{escape(packet["run_id"])}</code>, line '
        f"{escape(packet['line'])}, by {escape(str(review.get('author', '-')))}</p>",
        facts(_facts(review)),
        _first(packet),
        _decision(packet),
        _results(packet),
        *_looked_into(packet),
        _data(packet),
        _method(packet),
        _changes(packet),
        _judgement(review),
    ]
    return document(f"Review packet: {packet['run_id']}", body)


def _facts(review: Mapping[str, Any]) -> dict[str, str]:
    packet = review["packet"]
    metrics = packet["metrics"]
    first = kind_of(metrics).measures[0]
    state = JUDGED.get(review.get("decision", ""), str(review["state"]).replace("_", " "))
    return {
        "State": state,
        first.words: number(metrics[first.name]),
        "Held-out decisions": f"{metrics['rows']:,}",
        "Learnt from": f"{packet['rows']:,}",
        "Risk tier": str(review.get("risk", "-")),
    }


def _first(packet: Mapping[str, Any]) -> str:
    """What a reviewer should see before anything else."""
    blocked = listed(packet.get("blocked", ()))
    said = f'<div class="blocked"><p>The run did not pass. Nobody can approve it.</p>{blocked}</div>' if blocked else ""
    return f"{said}<h2>What to look at first</h2>{listed(packet['notes']) or '<p>Nothing speaks against this run.</p>'}"


def _decision(packet: Mapping[str, Any]) -> str:
    """What is decided by the scores, and who is affected."""
    said = packet.get("decision")
    if not said:
        return ""
    share = "" if said["capacity"] is None else f"at most {said['capacity']:.0%} of a batch, the highest scores"
    rows: list[list[Cell]] = [
        ["outcome that is predicted", said["outcome"]],
        ["action", f"{said['act']}: {share or 'scores of at least ' + format(said['threshold'], 'g')}"],
        ["otherwise", said["otherwise"]],
        ["decided by chance", f"{said['exploration']:.0%}"],
        ["who is affected", f"each {' and '.join(said['about'])} that is decided about"],
        ["who receives it", ", ".join(said["told"]) or "nobody"],
        ["owner", said["owner"]],
    ]
    return "<h2>The decision, and who is affected</h2>" + table("", ("", ""), rows)


def _results(packet: Mapping[str, Any]) -> str:
    metrics, linear = packet["metrics"], (packet.get("validation") or {}).get("linear")
    measures = [measure for measure in kind_of(metrics).measures if measure.name in metrics]
    compared = metrics.get("champion") or {"measures": {}, "rows": 0}
    rows = [_result(measure, metrics, linear or {}, compared["measures"]) for measure in measures]
    head = ("measure", "this run", "95 % interval", "training constant", "rule", "linear model", "less the champion's")
    caption = f"Judged on {metrics['rows']:,} later decisions, from {packet['holdout_from']} on"
    if compared["rows"]:
        caption += f"; beside the champion on the {compared['rows']:,} of them that it scored when they were taken"
    plots = "".join(measure_plot(measure, metrics, linear) for measure in measures)
    return f'<h2>Results</h2>{table(caption, head, rows, numbers=range(1, 7))}<div class="plots">{plots}</div>'


def _result(
    measure: Measure, metrics: Mapping[str, Any], linear: Mapping[str, Any], champion: Mapping[str, Any]
) -> list[Cell]:
    name = measure.name
    beside, of = linear.get(name), champion.get(name)
    return [
        measure.words,
        number(metrics[name]),
        interval(metrics.get(f"{name}_interval")),
        number(metrics.get(f"prior_{name}")),
        number(metrics.get(f"baseline_{name}")),
        "-" if beside is None else f"{number(beside['figure'])}: {_difference(beside)}",
        "-" if of is None else _difference(of),
    ]


def _difference(one: Mapping[str, Any]) -> str:
    return f"{one['difference']:+.3f} ({interval(one['interval'])}), {one['says']}"


def _looked_into(packet: Mapping[str, Any]) -> Iterator[str]:
    """Plots, limits, segments and stability; nothing for a run of an earlier version."""
    validation = packet.get("validation")
    if not validation:
        return
    if plots := plots_of(validation):
        yield f"<h2>In plots</h2>{plots}"
    yield "<h2>Calibration and stability</h2>" + listed(_in_words(validation))
    if validation["limits"]:
        yield "<h2>Declared limits</h2>" + table(
            "", ("limit", "figure", "expected", ""), _limits(validation), html=(3,)
        )
    yield from recipe_sections(validation, packet["metrics"], learnt=packet["judged_rows"])
    segments = validation["segments"]
    plots = "".join(segment_plot(name, parts, packet["metrics"]) for name, parts in segments.items())
    yield "<h2>By segment</h2>" + "".join(_segment(name, parts) for name, parts in segments.items())
    yield f'<div class="plots">{plots}</div>'


def _in_words(validation: Mapping[str, Any]) -> Iterator[str]:
    calibration, stable = validation["calibration"], validation["stability"]
    if calibration is not None:
        chance = calibration["by_chance"]
        more = "" if chance is None else f"; right probabilities would have {number(chance)} in this holdout by chance"
        yield f"Calibration error {number(calibration['error'])}{more}."
    if stable is not None and "unusable" in stable:
        yield f"How far scores change with numbers among the inputs is not known: {stable['unusable']}."
    elif stable is not None:
        yield (
            f"When numbers among the inputs change by {stable['nudge']:.0%} of their standard deviation, scores change "
            f"by {number(stable['change'])} of theirs on average, and by {number(stable['largest'])} at most "
            f"({stable['rows']:,} decisions)."
        )
    if (repeated := validation.get("replication")) is not None:
        yield _repeated(repeated)
    without = [words for name, words in DECLARED.items() if name not in validation]
    if without:
        yield (
            f"Not declared, so not looked into: {', '.join(without)}. Each needs further training jobs of the line's "
            "own script."
        )


def _repeated(found: Mapping[str, Any]) -> str:
    first, second = found["instance_types"]
    where = f"on {second}" if first == second else f"on {second} in place of {first}"
    if found["largest"] is None:
        return f"A second fit, {where}, held out other decisions, so nothing can be compared."
    if found["differs"] is None:
        return f"A second fit, {where}, gave the same model and the same answers about {found['rows']:,} decisions."
    far = f"the farthest answers lie {found['largest']:.4g} of their standard deviation apart"
    verdict = "within" if found["replicated"] else "outside of"
    return (
        f"A second fit, {where}, differs from the {found['differs']} on: {far}, {verdict} the tolerance of "
        f"{found['tolerance']:g}."
    )


def _limits(validation: Mapping[str, Any]) -> list[list[Cell]]:
    return [
        [
            one["on"],
            number(one["figure"]),
            f"{'at least' if one['least'] else 'at most'} {one['limit']:g}",
            mark("kept", "passed") if one["kept"] else mark("missed", "error"),
        ]
        for one in validation["limits"]
    ]


def _segment(name: str, parts: Sequence[Mapping[str, Any]]) -> str:
    measures = list(dict.fromkeys(measure for part in parts for measure in part["measures"]))
    rows: list[list[Cell]] = [
        [part["part"], part["rows"], *(_of_part(part["measures"].get(measure)) for measure in measures)]
        for part in parts
    ]
    head = (name, "decisions", *(MEASURES[one].words for one in measures))
    return table(f"By {name}", head, rows, html=range(2, len(head)))


def _of_part(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "-"
    beside = (
        "" if one["says"] == "alike" else " " + mark(one["says"], "warning" if one["says"] == "worse" else "passed")
    )
    return f"{number(one['figure'])} ({interval(one['interval'])}){beside}"


def _data(packet: Mapping[str, Any]) -> str:
    left_out = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in packet["excluded"].items() if count)
    rows: list[list[Cell]] = [
        ["dataset", packet["dataset_id"]],
        ["as of", packet["as_of"]],
        ["learnt from by the judged fit", f"{packet['judged_rows']:,}"],
        ["held out", f"{packet['holdout_rows']:,}"],
        ["not known in time", f"{packet['purged_rows']:,}"],
        ["left out", left_out or "none"],
        ["features", ", ".join(packet["features"])],
    ]
    found: list[list[Cell]] = [
        [one["rule"], mark(one["result"]), one["value"], one["expected"]] for one in packet.get("quality", ())
    ]
    quality = (
        table("Quality rules and leakage audit", ("rule", "result", "found", "expected"), found, html=(1,))
        if found
        else ""
    )
    known = [*packet["limitations"], *(packet.get("warnings") or ())]
    limits = f"<h2>Known limits</h2>{listed(known)}" if known else ""
    return f"<h2>The data</h2>{table('', ('', ''), rows)}{quality}{limits}"


def _method(packet: Mapping[str, Any]) -> str:
    method = packet.get("method") or {"scripts": {}}
    search: list[list[Cell]] = [["search", search_in_words(packet["search"])]] if packet.get("search") else []
    rows: list[list[Cell]] = [
        *([["framework", method["framework"]], ["trained on", method["instance"]]] if "framework" in method else []),
        ["hyperparameters", ", ".join(f"{name} {value}" for name, value in packet["hyperparameters"].items())],
        *search,
        ["release", packet["release"]],
        *([f"script {name}", digest] for name, digest in method["scripts"].items()),
        ["model's digest", packet["digest"]],
        ["package", packet["model_package_arn"] or "not registered"],
    ]
    return f"<h2>The method</h2>{table('', ('', ''), rows)}"


def _changes(packet: Mapping[str, Any]) -> str:
    champion, changes = packet["champion"], packet.get("since_champion")
    if champion is None:
        return "<h2>What changed since the champion</h2><p>No run decides yet: this would be the first.</p>"
    head = f"<h2>What changed since the champion</h2><p>Run {escape(champion['run_id'])} decides now.</p>"
    if changes is None:
        return f"{head}<p>Its record is not there to compare with.</p>"
    rows: list[list[Cell]] = [[one["step"], one["name"], one["before"], one["now"]] for one in changes]
    return head + (table("", ("step", "what", "champion", "this run"), rows) if rows else "<p>Nothing but the fit.</p>")


def _judgement(review: Mapping[str, Any]) -> str:
    digest = f"<p>Digest of this packet: <code>{escape(str(review.get('packet_digest', '-')))}</code></p>"
    rows: list[list[Cell]] = [
        [JUDGED[one["decision"]], one["reviewer"], one["decided_at"], one["reason"]]
        for one in review.get("judgements") or ([review] if "decision" in review else [])
    ]
    said = table("", ("judgement", "who", "when", "why"), rows) if rows else "<p>Nobody has judged this run yet.</p>"
    return f"<h2>The judgement</h2>{said}{digest}"
