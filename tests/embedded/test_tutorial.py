"""docs/tutorial.md from its first command to its last, in the embedded AWS: what it says comes out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.documents import blocks
from tests.embedded.deployed_line import Deployed
from tests.embedded.reader_of_pages import TUTORIAL, Reader
from tests.waiting import eventually

TEXT = TUTORIAL.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(deployed: Deployed) -> Reader:
    reader = Reader(TUTORIAL, deployed.line)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(deployed.lines.parent)
        reader.follow()
    return reader


def shown(words: str) -> str:
    """The output block that holds these words."""
    (found,) = [block.text for block in blocks(TUTORIAL) if block.language == "text" and words in block.text]
    return found


def unpadded(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_python_prints_what_the_page_shows(reader: Reader) -> None:
    assert unpadded(reader.printed[0]) == unpadded(shown("products_90d"))


def test_the_dataset_is_the_one_that_the_page_shows(reader: Reader) -> None:
    built, judged = reader.answers["dataset build"], reader.answers["dataset quality"]

    assert f"{built['rows']} of {built['spine_rows']} spine rows, {built['positives']} positive" in TEXT
    assert f"{built['rows']:,} decisions whose outcome" in TEXT
    assert [one["rule"] for one in judged["findings"] if one["result"] in ("warning", "error")] == []
    assert reader.answers["dataset verify"]["equal"]


def test_the_review_shows_the_figures_of_the_page(reader: Reader) -> None:
    metrics = reader.answers["train coffee"]["packet"]["metrics"]
    low, high = metrics["auc_interval"]

    assert f"{metrics['rows']:,}, {metrics['positives']} positive" in TEXT
    assert f"AUC                  {metrics['auc']:.3f} ({low:.3f}-{high:.3f})" in TEXT
    assert f"rule by coffees_90d  AUC {metrics['baseline_auc']:.3f}" in TEXT
    assert reader.answers["champion show"]["champion"]["run_id"] == reader.placeholders["RUN"]


def test_every_decision_of_the_monday_is_delivered_and_judged(reader: Reader, deployed: Deployed) -> None:
    scored = reader.answers["score coffee"]
    (offered,) = re.findall(r"^offered +(\d+)$", TEXT, re.MULTILINE)

    def judged() -> dict[str, Any] | None:
        found: dict[str, Any] = deployed.line("performance", "coffee").document
        return found if found["history"]["overrides"] == 1 else None

    assert scored["offered"] == scored["delivered"] == int(offered)
    history = eventually(judged)["history"]
    assert history["outcomes"] == scored["delivered"]
    assert reader.answers["decision show"]["decision_id"] == reader.placeholders["DECISION"]
