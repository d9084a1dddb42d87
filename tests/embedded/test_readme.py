"""The commands of the README, in the embedded AWS, on a slice of the shipped line. Its Python runs in another test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.embedded.deployed_line import LINE, Deployed
from tests.embedded.reader_of_pages import Reader


@pytest.fixture(scope="module")
def reader(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    reader = Reader(ROOT / "README.md", deployed.line, {"DECISION": "household_id=30", "FEATURE": "visits_30d"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("readme"))
        reader.follow(python=False)
        reader.answers["page"] = Path("page.html").read_text(encoding="utf-8")
    return reader


def test_the_commands_after_the_demo_answer(reader: Reader) -> None:
    assert reader.answers[f"performance {LINE}"]["line"] == LINE
    assert reader.answers["board"]


def test_the_commands_on_datasets_answer(reader: Reader) -> None:
    answers, dataset = reader.answers, reader.placeholders["DATASET"]

    assert answers["dataset build"]["dataset_id"] == answers["dataset quality"]["dataset_id"] == dataset
    assert answers["dataset build"]["shape"]
    assert answers["dataset verify"]["equal"]
    assert answers["dataset diff"]
    assert answers["dataset explain"]["equal"]
    assert answers["features search"]
    assert "spend_30d" in answers["page"]
