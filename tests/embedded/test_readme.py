"""The commands of the README, in the embedded AWS, on a slice of the shipped line. Its Python runs in another test."""

from __future__ import annotations

from pathlib import Path

import pytest

from assembly_line.features.files.columns_of_file import read_columns
from tests.documents import ROOT
from tests.embedded.deployed_line import LINE, Deployed
from tests.embedded.reader_of_pages import Reader


@pytest.fixture(scope="module")
def reader(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    mailed = read_columns(deployed.raw / "campaigns.parquet")
    pairs = zip(mailed["campaign_id"], mailed["household_id"], strict=True)
    household = min(int(household) for campaign, household in pairs if int(campaign) == 8)
    placeholders = {"DECISION": f"household_id={household},campaign_id=8", "FEATURE": "visits_30d"}
    reader = Reader(ROOT / "README.md", deployed.line, placeholders)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("readme"))
        reader.follow(python=False)
        reader.answers["page"] = Path("page.html").read_text(encoding="utf-8")
    return reader


def test_the_commands_after_the_demo_answer(reader: Reader) -> None:
    assert reader.answers[f"performance {LINE}"]["line"] == LINE
    assert "board" in reader.answers  # empty where no other test had work done before


def test_the_commands_on_datasets_answer(reader: Reader) -> None:
    answers, dataset = reader.answers, reader.placeholders["DATASET"]

    assert answers["dataset build"]["dataset_id"] == answers["dataset quality"]["dataset_id"] == dataset
    assert answers["dataset build"]["shape"]
    assert answers["dataset verify"]["equal"]
    assert answers["dataset diff"]
    assert answers["dataset explain"]["equal"]
    assert answers["features search"]
    assert "spend_30d" in answers["page"]
