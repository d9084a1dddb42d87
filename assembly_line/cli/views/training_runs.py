"""Training runs as a person reads them: what was tried, what one of them was, and where two differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, person, rows
from assembly_line.cli.views.recipe import draw_recipe
from assembly_line.cli.views.values import cut, minute, said
from assembly_line.outcome_kinds import kind_of

if TYPE_CHECKING:
    from rich.console import Console

# Of the measures of a run, in a list of many runs.
SHOWN = 2


def draw_runs(found: Sequence[Mapping[str, Any]]) -> Render:
    content = [
        (
            run["run_id"],
            run["state"],
            minute(run["as_of"]) if run["as_of"] else "",
            person(run["author"]),
            _in_short(run["metrics"] or {}),
        )
        for run in found
    ]
    return rows(("run", "state", "as of", "author", "figures"), content)


def _in_short(metrics: Mapping[str, Any]) -> str:
    """The first measures of the kind of outcome that the run predicts."""
    measures = [one for one in kind_of(metrics).measures if one.name in metrics][:SHOWN]
    return ", ".join(f"{one.words} {said(metrics[one.name])}" for one in measures)


def draw_run(record: Mapping[str, Any]) -> Render:
    context, image = record["context"], record["image"]
    parts = {
        f"Run {context['run_id']}": {
            "author": person(context["author"]),
            "as of": context["as_of"],
            "release": record["release"],
            "dataset": record["dataset"]["dataset_id"],
            "features": ", ".join(record["features"]),
            "hyperparameters": ", ".join(f"{name} {value}" for name, value in context["hyperparameters"].items()),
            **searched(context.get("tuned")),
            "framework": f"{image['framework']} {image['version']}",
            "trained on": _instances(record["instance"]),
            "held out": f"{record['split']['holdout_rows']:,} decisions from {record['split']['holdout_from']}",
        },
        "\nFigures": {name.replace("_", " "): _figure(name, value) for name, value in _figures(record).items()},
        "\nDigests": {
            **{f"script {name}": digest for name, digest in record["scripts"].items()},
            **{f"{fit} model": record[fit]["archive"]["digest"] for fit in ("judged", "delivered") if record[fit]},
        },
    }

    def render(console: Console) -> None:
        for title, pairs in parts.items():
            fields(pairs, title=title)(console)
        draw_recipe(record.get("validation") or {})(console)

    return render


def _instances(instance: Mapping[str, Any]) -> str:
    count = instance.get("count", 1)
    several = f"{count} x " if count > 1 else ""
    return f"{several}{instance['type']}{' (spot)' if instance.get('spot') else ''}"


def searched(found: Mapping[str, Any] | None) -> dict[str, str]:
    """A search for hyperparameters as a sentence by its title; nothing of a run that did not search."""
    if found is None:
        return {}
    from assembly_line.training import search_in_words

    return {"search": search_in_words(found)}


def draw_compared(found: Mapping[str, Any]) -> Render:
    first, second = found["runs"]
    one, other = found["figures"]
    figures = [
        (name.replace("_", " "), *(_figure(name, run.get(name)) for run in (one, other)), _change(name, one, other))
        for name in {**one, **other}
    ]
    differing = [
        (difference["step"], difference["name"], cut(difference["first"]), cut(difference["second"]))
        for difference in found["differences"]
        if difference["step"] != "figures"
    ]

    def render(console: Console) -> None:
        fields({"first": first, "second": second}, title="Two runs")(console)
        if asked := _questions(found["question"]):
            console.print(asked, markup=False)
        rows(("figure", "first", "second", "change"), figures)(console)
        if not differing:
            console.print("The runs differ in nothing else: the second repeats the first.", markup=False)
            return
        where = f"They begin to differ at the {differing[0][0]}"
        rows(("step", "what", "first", "second"), differing, title=where)(console)

    return render


def draw_recorded(found: Mapping[str, Any]) -> Render:
    """How many runs of each line were added, updated and there already."""
    return fields({"MLflow": found["to"], **{f"Line {line}": _counted(runs) for line, runs in found["runs"].items()}})


def draw_opened(found: Mapping[str, Any]) -> Render:
    """Where the runs of each line are to be seen, with how many were recorded just now."""
    where = {
        f"Line {line}": "\n".join(filter(None, (found["pages"].get(line), _counted(runs))))
        for line, runs in found["runs"].items()
    }
    return fields({"Page": found["page"], **where, "Stop": found["stop"] and f"`{found['stop']}`"})


def _counted(runs: Mapping[str, str]) -> str:
    counts = Counter(runs.values())
    return ", ".join(f"{counts[kept]} {kept}" for kept in ("added", "updated", "unchanged") if counts[kept]) or "no run"


def draw_replication(run: str, found: Mapping[str, Any]) -> Render:
    same = "inputs, model and answers" if found["differs"] is None else "inputs"
    first, second = found["instance_types"]
    return fields(
        {
            "repeats": run,
            "the same": same,
            "largest difference": f"{found['largest']:.4g} of the answers' standard deviation",
            "decisions": f"{found['rows']:,}",
            "trained on": first if first == second else f"{first}, then {second}",
        },
        title="The run replicates",
    )


def _figures(record: Mapping[str, Any]) -> Mapping[str, Any]:
    figures: Mapping[str, Any] = record["evaluation"]["metrics"]
    return figures


def _figure(name: str, value: object) -> str:
    """A figure; the two ends of an interval as from one to the other."""
    if name.endswith("_interval") and isinstance(value, list):
        return " to ".join(map(said, value))
    return said(value)


def _questions(differing: Sequence[str] | None) -> str | None:
    if differing is None:
        return "The releases cannot both be read any more, so the runs may answer different questions."
    if not differing:
        return None
    return f"The runs answer different questions: see {', '.join(differing)} below. Their figures do not compare."


def _change(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    first, second = one.get(name), other.get(name)
    if isinstance(first, int | float) and isinstance(second, int | float):
        return f"{second - first:+.4g}"
    return ""
