"""docs/state-machines.md says what the machines take: every example is accepted, every field is explained."""

from __future__ import annotations

import json
import re

import pytest

from assembly_line.stations import machines
from tests.synth.cloud_assembly import ROOT, Assembly
from tests.synth.state_language import definitions

DOCUMENT = (ROOT / "docs" / "state-machines.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([\w ]+)\n(.*?)(?=^## |\Z)", DOCUMENT, flags=re.DOTALL | re.MULTILINE))
REQUESTS = {name.capitalize(): model for name, machine in machines().items() if (model := machine.request_model)}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_example_of_each_machine_is_accepted(name: str) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", SECTIONS[name], flags=re.DOTALL)
    request = REQUESTS[name].parse(json.loads(example))
    assert request.to_json()["line"] == "coupon_redemption"


@pytest.mark.parametrize("name", REQUESTS)
def test_every_field_of_each_machines_input_is_explained(name: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", SECTIONS[name], flags=re.MULTILINE)
    explained = {field for row in rows for field in re.findall(r"`(\w+)`", row)}
    assert explained == {field.alias or python for python, field in REQUESTS[name].model_fields.items()}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_state_of_each_machine_is_named(assembly: Assembly, name: str) -> None:
    for state in definitions(assembly)[name].states:
        # Behind a fit's job come states of the same names, which end with the fit's.
        attempts = re.sub("(Judged|Final|Replica|Further)$", "", state)
        assert state in SECTIONS[name] or attempts in SECTIONS["When something goes wrong"], state


@pytest.mark.parametrize("name", REQUESTS)
def test_every_schema_that_is_linked_exists(name: str) -> None:
    assert f"schemas/{name.lower()}-request.v1.json" in DOCUMENT
    assert (ROOT / "docs" / "schemas" / f"{name.lower()}-request.v1.json").is_file()
