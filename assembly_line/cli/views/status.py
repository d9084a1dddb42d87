"""What there is, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows

if TYPE_CHECKING:
    from rich.console import Console


def draw_status(found: dict[str, Any]) -> Render:
    def draw(console: Console) -> None:
        if not found["lines"]:
            console.print("No line is released here yet; run `line deploy`.")
        for line in found["lines"]:
            fields(
                {
                    "Release": line["release"][:12],
                    "Edited since": line["edited"],
                    "Champion": line["champion"] or f"none yet: `line train {line['line']}`, then `line review`",
                    "Since": line["promoted_at"],
                    "Model": _age(line["model"]),
                    "Waiting for a review": "\n".join(line["waiting_for_review"]) or "nothing",
                    "Ended unreviewed": "\n".join(line["ended_unreviewed"]) or None,
                    "Decisions due": _due(line["due"]),
                    "Deliveries": _paused(line),
                    **{f"Queue of {name}": url for name, url in line["subscribers"].items()},
                },
                title=f"Line {line['line']}",
            )(console)
        fields({"Feedback queue": found["feedback_queue"]}, title="\nOf all lines")(console)
        if found["executions"]:
            content = [(run["machine"], run["name"], run["status"]) for run in found["executions"]]
            rows(("machine", "execution", "status"), content, title="\nLatest executions")(console)

    return draw


def _paused(line: dict[str, Any]) -> str | None:
    found = line["paused"]
    if found is None:
        return None
    resume = f"`line delivery resume {line['line']}`"
    return f"paused since {found['at']} by {found['by']}: {found['reason']}; {resume} lets them leave"


def _due(found: dict[str, Any] | None) -> str | None:
    if found is None:
        return None
    upcoming = f"; next at {found['next']}" if found["next"] else ""
    latest = found["latest"]
    shown = "" if latest is None else f"; the slot of {latest['slot']}: {latest['state']}"
    because = f" ({latest['because']})" if latest is not None and latest.get("because") else ""
    return f"{found['declared']}{upcoming}{shown}{because}"


def _age(model: dict[str, Any] | None) -> str | None:
    if model is None:
        return None
    known = f"{model['days']} days old: it learnt from what was known at {model['known']}"
    if model["next_look"] is None:
        return f"{known}; trained again by hand"
    return f"{known}; at {model['next_look']} it is trained again if it is older than {model['limit_days']:g} days"
