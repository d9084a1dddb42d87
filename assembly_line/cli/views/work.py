"""The work list as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.decision_keys import keys_in_words

if TYPE_CHECKING:
    from rich.console import Console


def draw_cases(found: Mapping[str, Any]) -> Render:
    def render(console: Console) -> None:
        content = [
            (
                case["decision_id"],
                keys_in_words(case["keys"]),
                case["recommended"],
                f"{case['score']:.4g}",
                case["expires_at"],
                _held(case["claim"]),
            )
            for case in found["cases"]
        ]
        names = ("case", "keys", "recommended", "score", "expires", "held by")
        rows(names, content, title=f"Open cases of {found['line']}")(console)
        if found["next"]:
            console.print(f"More: --after {found['next']}", markup=False, soft_wrap=True)

    return render


def draw_case(found: Mapping[str, Any]) -> Render:
    def render(console: Console) -> None:
        shown = {
            "case": found["decision_id"],
            "keys": keys_in_words(found["keys"]),
            "decision time": found["decision_time"],
            "recommended": found["recommended"],
            "score": f"{found['score']:.4g}",
            "expires": found["expires_at"],
            "closed because": found["closed_because"],
            "held by": _held(found["claim"]) or None,
        }
        fields(shown)(console)
        why = found["why"]
        if why["available"]:
            content = [(one["feature"], _text(one["value"]), f"{one['contribution']:+.3f}") for one in why["top"]]
            content += [("all others", "", f"{why['rest']:+.3f}"), ("base", "", f"{why['base']:+.3f}")]
            rows(("feature", "value", "adds"), content, title="\nWhy")(console)
        else:
            console.print(why["because"], style="dim", markup=False)
        if found["known"]:
            known = [(name, _text(value)) for name, value in found["known"].items()]
            rows(("feature", "value"), known, title="\nWhat was known")(console)
        if found["earlier"]:
            before = [
                (one["decision_id"], one["recommended"], one["action"], one["reason"] or "", _text(one["outcome"]))
                for one in found["earlier"]
            ]
            rows(("decision", "recommended", "decided", "why", "outcome"), before, title="\nDecided before")(console)

    return render


def draw_worked(found: Mapping[str, Any]) -> Render:
    decided, claim = found["decided"] or {}, found["claim"] or {}
    return fields(
        {
            "case": found["decision_id"],
            "recommended": found["recommended"],
            "held by": claim.get("by") if claim.get("standing") == "held" else None,
            "held until": claim.get("until") if claim.get("standing") == "held" else None,
            "decided": decided.get("action"),
            "reason": decided.get("reason"),
        }
    )


def _held(claim: Mapping[str, Any] | None) -> str:
    if claim is None or claim["standing"] != "held":
        return ""
    return "you" if claim["yours"] else str(claim["by"])


def _text(value: Any) -> str:
    return "" if value is None else str(value)
