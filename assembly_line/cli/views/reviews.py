"""Reviews as a person reads them: what to judge by, and what a judgement did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, person, rows
from assembly_line.cli.views.performance import figure, interval
from assembly_line.cli.views.training_runs import searched
from assembly_line.cli.views.validation import draw_validation
from assembly_line.outcome_kinds import MEASURES, kind_of

if TYPE_CHECKING:
    from rich.console import Console

HEAD = ("line", "author", "reviewer", "decision", "reason")


def draw_reviews(found: Sequence[Mapping[str, Any]]) -> Render:
    content = [
        (
            one["run_id"],
            one.get("decision") or one["state"].replace("_", " "),
            person(one["author"]),
            person(one.get("reviewer")),
            one["opened_at"][:10],
            _until(one),
        )
        for one in found
    ]
    return rows(("run", "decision", "author", "reviewer", "opened", "waits until"), content)


def _until(review: Mapping[str, Any]) -> str:
    """When a review that waits times out, and who heard of it last."""
    if review["state"] != "waiting":
        return ""
    told = [f"{one['kind']} {one['at'][:10]}" for one in review.get("reminders", ())]
    return ", ".join(filter(None, [review.get("times_out_at", "")[:10], *told]))


def draw_started(started: Mapping[str, Any]) -> Render:
    return fields({"Run": started["run_id"], "Next": f"`line logs {started['run_id']}` shows how far it is"})


def draw_decision(found: Mapping[str, Any], line: str) -> Render:
    shown = {name: value for name, value in found.items() if name != "waits"}
    return fields({**shown, "so": _after(found, line)})


def _after(found: Mapping[str, Any], line: str) -> str:
    if "waits" in found:
        return f"it {found['waits']}: the risk tier of the line is high"
    if found["decision"] != "approve":
        return "sent back"
    if found["champion"] == found["run_id"]:
        return f"its model decides from now on: `line score {line}`"
    return f"run {found['champion']} was promoted later, and goes on deciding"


def draw_review(review: Mapping[str, Any]) -> Render:
    """The review: who, how good, on what data, what speaks against it."""
    packet = review["packet"]

    def draw(console: Console) -> None:
        fields(
            {name: review.get(name) for name in HEAD},
            title=f"Run {review['run_id']}, {review['state'].replace('_', ' ')}",
        )(console)
        fields(_judged(review), title="\nJudgements")(console)
        fields(_figures(packet["metrics"]), title="\nJudged on later decisions")(console)
        draw_validation(packet.get("validation") or {})(console)
        fields(_data(packet), title="\nData and recipe")(console)
        told = {
            "Did not pass": packet.get("blocked"),
            "Notes": packet["notes"],
            "Warnings of the dataset": packet.get("warnings"),
            "Limitations": packet["limitations"],
        }
        for title, sentences in told.items():
            if sentences:
                console.print(f"\n{title}", style="italic")
            for sentence in sentences or ():
                console.print(f"- {sentence}", markup=False)
        if review["state"] == "waiting":
            command = f'line review approve {review["line"]} {review["run_id"]} --reason "..." --as reviewer'
            console.print(f"\nNext: {command}", markup=False, soft_wrap=True)

    return draw


def _judged(review: Mapping[str, Any]) -> dict[str, Any]:
    """What is judged, and who judged it, when and why."""
    judgements = {
        f"{person(one['reviewer'])}, {one['decided_at'][:16]}": f"{one['decision']}: {one['reason']}"
        for one in review.get("judgements", ())
    }
    return {"packet": review.get("packet_digest"), **judgements}


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    positives = f", {metrics['positives']:,} positive" if "positives" in metrics else ""
    cells: dict[str, Any] = {"decisions": f"{metrics['rows']:,}{positives}"}
    for measure in kind_of(metrics).measures:
        # Runs of earlier versions lack some.
        if measure.name not in metrics:
            continue
        cells[measure.words] = f"{figure(metrics[measure.name])} ({interval(metrics.get(f'{measure.name}_interval'))})"
        if measure.constant is not None:
            beside = figure(metrics[f"prior_{measure.name}"])
            cells[measure.words] += f"; of the training {measure.constant} for everyone {beside}"
        if measure.ranks:
            rule, said = f"rule by {metrics['baseline_feature']}", figure(metrics[f"baseline_{measure.name}"])
            before = f"{cells[rule]}, " if rule in cells else ""
            cells[rule] = f"{before}{measure.words} {said}"
    return cells | _beside_the_champion(metrics.get("champion"))


def _signed(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:+.3f} to {bounds[1]:+.3f}"


def _beside_the_champion(compared: Mapping[str, Any] | None) -> dict[str, str]:
    if compared is None:
        return {}
    return {
        f"{MEASURES[name].words}, less the champion's": f"{one['difference']:+.3f} ({_signed(one['interval'])}), "
        f"{one['says']}, on {compared['rows']:,} decisions"
        for name, one in compared["measures"].items()
    }


def _data(packet: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in packet["excluded"].items() if count)
    champion = packet["champion"]
    return {
        "as of": packet["as_of"],
        "dataset": packet["dataset_id"],
        "rows": f"{packet['rows']:,}; left out: {left_out or 'none'}",
        "features": ", ".join(packet["features"]),
        "hyperparameters": ", ".join(f"{name} {value}" for name, value in packet["hyperparameters"].items()),
        **searched(packet.get("search")),
        "release": packet["release"],
        "model's digest": packet["digest"],
        "champion now": champion["run_id"] if champion else "none",
    }
