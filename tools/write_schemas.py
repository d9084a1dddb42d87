"""Writes docs/schemas/*.json from the classes that read and write these documents. Run after changing one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from assembly_line.delivery import PredictionPointer
from assembly_line.instants import READ_FORM, WRITTEN_FORM
from assembly_line.messages import Batch, Prediction, PredictionV2, Probe, StationEvent, feedback_schema
from assembly_line.requests import DecisionRequest, FeaturesRequest, ReviewRequest, RollbackRequest
from assembly_line.stations import machines

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
WRITTEN: dict[str, type[BaseModel]] = {
    "prediction.v1": Prediction,
    "prediction.v2": PredictionV2,
    "prediction-pointer.v1": PredictionPointer,
    "probe.v1": Probe,
    "batch.v1": Batch,
    "station-event.v1": StationEvent,
}
READ: dict[str, type[BaseModel]] = {
    **{f"{name}-request": model for name, machine in machines().items() if (model := machine.request_model)},
    "decision-request": DecisionRequest,
    "features-request": FeaturesRequest,
    "review-request": ReviewRequest,
    "rollback-request": RollbackRequest,
}
# What the line writes, and what it takes: there a bare date means the start of that day in UTC.
EXACT_INSTANT = {"type": "string", "format": "date-time", "pattern": f"^{WRITTEN_FORM}$"}
ANY_INSTANT = {
    "type": "string",
    "description": "An instant with a zone, or a day. Refused, too, where the offset leads out of the years 1 to 9999.",
    "pattern": f"^({READ_FORM})$",
}
# In Python and Java `$` also matches before a line break at the end. A look-ahead would be a true end, but not every
# language has one. No pattern allows anything but printable ASCII, so forbidding the rest ends them all.
TRUE_END = {"not": {"pattern": "[^ -~]"}}
# The bound of `Text`, which is there for what it does in Python.
UNBOUND = (("minLength", 0), ("propertyNames", {"minLength": 0}))


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> JSON Schema, for everything that crosses the project's border as JSON."""
    found = {}
    for name, model in WRITTEN.items():
        schema = published(model.model_json_schema(by_alias=True), EXACT_INSTANT)
        # Schema and version have a default in Python and are written all the same.
        properties = schema["properties"].items()
        schema["required"] = [part for part, form in properties if "default" not in form or "const" in form]
        found[f"{name}.json"] = schema
    for name, request in READ.items():
        found[f"{name}.v1.json"] = published(request.model_json_schema(by_alias=True), ANY_INSTANT)
    events = published(feedback_schema(), ANY_INSTANT)
    found["feedback.v1.json"] = {"title": "Feedback", **events}
    return {file: {"$schema": DIALECT, "$id": file, **schema} for file, schema in found.items()}


def render(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def published(value: Any, instant: Mapping[str, Any], *, named: bool = False) -> Any:
    """The schema with every instant as `instant` and every pattern with a true end.

    It has no titles that only repeat a property's name, and no bounds that bind nothing.
    """
    if isinstance(value, list):
        return [published(part, instant, named=True) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") == "date-time":
        return {**instant, **TRUE_END}
    kept = {
        key: part
        for key, part in value.items()
        if not (named and key == "title" and "properties" not in value) and (key, part) not in UNBOUND
    }
    return {
        key: {name: published(inner, instant, named=True) for name, inner in part.items()}
        if key in ("properties", "$defs")
        else published(part, instant, named=True)
        for key, part in kept.items()
    } | (TRUE_END if "pattern" in value else {})


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    current = schemas()
    for file in FOLDER.glob("*.json"):
        if file.name not in current:
            file.unlink()
    for name, schema in current.items():
        (FOLDER / name).write_text(render(schema), encoding="utf-8")
        print(f"docs/schemas/{name}")


if __name__ == "__main__":
    main()
