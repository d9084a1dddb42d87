"""The published AsyncAPI document is that of the messages, and says which attributes they have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assembly_line.delivery.channels import SNS
from assembly_line.messages import Prediction
from tests.unit.delivery.test_published_schemas import PREDICTION
from tools.write_asyncapi import FILE, asyncapi
from tools.write_schemas import render


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def test_the_file_is_the_one_that_the_messages_give(document: dict[str, Any]) -> None:
    assert document == asyncapi(), "run `python -m tools.write_asyncapi`"
    assert FILE.read_text(encoding="utf-8") == render(document)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        file, _, place = reference.partition("#")
        if file:
            assert (FILE.parent / file).is_file(), reference
            continue
        found = document
        for part in place.strip("/").split("/"):
            found = found[part]
        assert found


def test_a_prediction_has_the_attributes_that_are_published(document: dict[str, Any]) -> None:
    headers = document["components"]["messages"]["Prediction"]["headers"]
    attributes = SNS.attributes(Prediction.model_validate(PREDICTION))
    assert set(attributes) == set(headers["properties"])
    numbers = {name for name, value in attributes.items() if not isinstance(value, str)}
    assert numbers == {name for name, form in headers["properties"].items() if form["type"] == "number"}


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [found for each in part for found in references(each)]
    if not isinstance(part, dict):
        return []
    return [found for name, each in part.items() for found in ([each] if name == "$ref" else references(each))]
