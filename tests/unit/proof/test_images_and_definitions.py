"""The judgements that run another program: pip, as the images do, and the validator of definitions."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from assembly_line.cli.session import REPOSITORY
from assembly_line.embedded import definition_validation, image_steps
from assembly_line.loader import load_line
from assembly_line.proof.machines.tasks import machines
from tests.unit.proof.small_world import world

SHIPPED = load_line(REPOSITORY / "lines", "coupon_redemption")


def test_the_scripts_of_the_shipped_line_install_without_a_network() -> None:
    assert image_steps.judged_installations([SHIPPED]).findings == ()


def test_scripts_that_need_setuptools_from_an_index_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_steps, "installable", dict)
    (finding,) = image_steps.judged_installations([SHIPPED]).faults
    assert "fails without a network" in finding.says
    assert "coupon_redemption: xgboost 3.2-0" in finding.place


def test_a_definition_that_is_no_states_language_is_named() -> None:
    (machine,) = machines(world())
    assert definition_validation.judged_definitions([machine], REPOSITORY).faults == ()
    broken = copy.deepcopy(dict(machine.definition))
    broken["States"]["Done"]["Choices"][0]["Condition"] = "{% $x ( %}"
    found = definition_validation.judged_definitions([replace(machine, definition=broken)], REPOSITORY)
    assert found.faults
    assert "Done" in str(found.faults)
