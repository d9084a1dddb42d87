"""Writes docs/asyncapi.json, the AsyncAPI 3 document of the messages of a line. Run after changing one of them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from assembly_line.declarations.delivery.subscribers import CONDITIONS, PROBE, SCHEMA, SCORE
from assembly_line.delivery import PredictionPointer
from assembly_line.messages import Batch, Prediction, PredictionV2, Probe
from assembly_line.names import PROJECT
from tools.write_schemas import DIALECT, WRITTEN, render

FILE = Path(__file__).parents[1] / "docs" / "asyncapi.json"
TEXT = {"type": "string"}
ALL = (SCHEMA, "version", "line")
# What a topic carries, and the attributes beside each body.
SENT: dict[type[BaseModel], tuple[str, ...]] = {
    Prediction: (*ALL, *CONDITIONS, SCORE),
    PredictionV2: (*ALL, *CONDITIONS, SCORE),
    PredictionPointer: (*ALL, *CONDITIONS, SCORE),
    Probe: (*ALL, PROBE),
    Batch: ALL,
}
MEANINGS = {
    SCHEMA: "The schema of the body.",
    "version": "The version of the schema, as text.",
    "line": "The line.",
    "action": "What the policy decided.",
    "arm": "The arm of the decision.",
    "model": "The training run of the model.",
    SCORE: "The score as a number with five digits behind the point. Absent where SNS cannot compare it.",
    PROBE: "The consumer that the probe is for.",
}
DESCRIPTION = (
    "Each line has an SNS topic, and each consumer an SQS queue of its own with raw delivery. "
    "A message may come twice, late, or out of order: apply a decision's highest revision once, and refuse it from "
    "`expires_at` on. Acknowledge messages of a schema that you do not know. Version 1 of a prediction is closed. "
    "Other messages may get further fields: ignore those that you do not know."
)


def asyncapi() -> dict[str, Any]:
    """The document."""
    names = {model: model.__name__ for model in SENT}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Assembly line", "version": "1", "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {
            "predictions": {
                "address": f"{PROJECT}-{{environment}}-{{line}}",
                "title": "The topic of a line",
                "parameters": {
                    "environment": {"description": "The environment, as in `settings/`."},
                    "line": {"description": "The line, with `-` for `_`."},
                },
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names.values()},
            },
            "feedback": {
                "address": None,
                "title": "The queue of feedback, or `POST /feedback`",
                "description": "Its URL is an SSM parameter of the environment. See the guide on feedback.",
                "messages": {"Feedback": {"$ref": "#/components/messages/Feedback"}},
            },
        },
        "operations": {
            "deliver": {"action": "send", "channel": {"$ref": "#/channels/predictions"}},
            "collectFeedback": {"action": "receive", "channel": {"$ref": "#/channels/feedback"}},
        },
        "components": {
            "messages": {
                **{names[model]: _message(model, attributes) for model, attributes in SENT.items()},
                "Feedback": {"title": "Feedback", "payload": _payload("feedback.v1")},
            }
        },
    }


def _message(model: type[BaseModel], attributes: tuple[str, ...]) -> dict[str, Any]:
    (file,) = (file for file, written in WRITTEN.items() if written is model)
    summary = inspect.cleandoc(model.__doc__ or "").partition("\n")[0]
    headers = {
        name: {**({"type": "number"} if name == SCORE else TEXT), "description": MEANINGS[name]} for name in attributes
    }
    required = [name for name in attributes if name != SCORE]
    return {
        "name": model.__name__,
        "summary": summary,
        "headers": {"type": "object", "properties": headers, "required": required},
        "payload": _payload(file),
    }


def _payload(file: str) -> dict[str, Any]:
    return {"schemaFormat": f"application/schema+json;version={DIALECT}", "schema": {"$ref": f"schemas/{file}.json"}}


def main() -> None:
    FILE.write_text(render(asyncapi()), encoding="utf-8")
    print("docs/asyncapi.json")


if __name__ == "__main__":
    main()
