"""Model inputs of a dataset as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, plain, rows
from assembly_line.cli.views.values import short_instant

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("part", "rows", "positives", "first decision", "last decision", "left out")
# The beginning of an id is enough to name model inputs.
SHORT = len("sh-0123456789ab")


def draw_inputs(all_inputs: Sequence[Mapping[str, Any]]) -> Render:
    def draw(console: Console) -> None:
        if not all_inputs:
            console.print("The dataset has no model inputs yet; `line dataset build LINE --for TYPE` prepares them.")
        for inputs in all_inputs:
            columns = len(inputs["folds"][0]["columns"])
            title = f"{inputs['shape_id'][:SHORT]} {model_spec_in_words(inputs['model'])}; {columns} columns"
            rows(COLUMNS, [_row(fold, part) for fold in inputs["folds"] for part in fold["parts"]], title=title)(
                console
            )

    return draw


def model_spec_in_words(model: Mapping[str, Any]) -> str:
    """What tells model inputs of one type apart: `gradient_boosting, format csv, split holdout 0.25`."""
    from assembly_line.model_types import model_spec_from_json

    said = model_spec_from_json(model).model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    kind = said.pop("type")
    return ", ".join(
        [kind, *(f"{name} {plain(value)}" for name, value in ({"format": model["format"]} | said).items())]
    )


def _row(fold: Mapping[str, Any], part: Mapping[str, Any]) -> tuple[Any, ...]:
    name = part["name"] if fold["fold"] is None else f"fold {fold['fold']} {part['name']}"
    left_out = {reason: number for reason, number in fold["left_out"].get(part["name"], {}).items() if number}
    return (
        name,
        part["rows"],
        part["positives"],
        short_instant(part["first_decision"]),
        short_instant(part["last_decision"]),
        ", ".join(f"{number} {reason}" for reason, number in left_out.items()) or None,
    )


# Why a row of a dataset stands in no part.
REASONS = {
    "purged": "purged: the outcome was not known where it would be judged",
    "embargoed": "within the embargo",
    "shared": "of a group that stands in another part",
    "before_window": "before the sliding window",
    "after_test": "after the test part, in that of a later fold",
    "downsampled": "of the commoner outcome, which the balance did not draw",
    "without_outcome": "without an outcome",
    "without_duration": "without a time to the event",
    "incomplete": "without a whole history",
}


def inputs_in_words(inputs: Mapping[str, Any]) -> str:
    """What the dataset machine answers of model inputs: id, type, the rows of each part, and why others are in none."""
    parts = [f"{_of_fold(part)}{part['name']} {part['rows']}" for part in inputs["parts"]]
    none = [
        f"{_of_fold(one)}{one['rows']} {REASONS.get(one['reason'], one['reason'])}"
        for one in inputs.get("left_out", ())
    ]
    found = "; they were there" if inputs["exists"] else ""
    return f"{inputs['shape_id']}, {inputs['type']}; rows: {', '.join(parts)}{found}" + (
        f"\nin no part: {', '.join(none)}" if none else ""
    )


def _of_fold(one: Mapping[str, Any]) -> str:
    return "" if one["fold"] is None else f"fold {one['fold']} "
