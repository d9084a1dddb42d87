"""A review packet as a page: whole, alone, escaped, and with the plots of each kind of outcome."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from assembly_line.declarations.lines import Line
from assembly_line.declarations.training.validation import Validation
from assembly_line.loader import load_line
from assembly_line.outcome_kinds import MEASURES
from assembly_line.training import packet_page
from tests.reviews import ANNA, BEN, a_review
from tests.unit.training.test_scripts_of_kinds import LINES

COUPONS = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
CAPTIONS: dict[str, tuple[Line, set[str]]] = {
    "binary": (COUPONS, {"ROC", "Precision and recall", "Lift", "Scores of both outcomes", "Calibration"}),
    "multiclass": (LINES["multiclass"], {"Outcomes and likeliest classes", "Calibration"}),
    "amount": (LINES["amount"], {"Residuals by tenths of the answers", "Calibration"}),
    "quantiles": (LINES["quantiles"], {"Calibration"}),
}


def parsed(page: str) -> ElementTree.Element:
    """Of a page without its document type; fails where it is not well-formed."""
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - made by the test


def texts(root: ElementTree.Element) -> str:
    return " ".join(text.strip() for text in root.itertext() if text.strip())


@pytest.mark.parametrize("kind", CAPTIONS)
def test_each_kind_of_outcome_has_its_plots(kind: str) -> None:
    line, captions = CAPTIONS[kind]

    root = parsed(packet_page(a_review(line)))

    said = {re.split("[:;]", node.text or "")[0] for node in root.iter("figcaption")}
    assert captions <= said
    plots = [node for node in root.iter() if node.tag == "svg"]
    assert len(plots) == sum(1 for _ in root.iter("figure"))
    # Those who do not see a plot are told what it shows.
    assert all(len("".join(plot[1].itertext())) > 20 for plot in plots)


@pytest.mark.parametrize("kind", CAPTIONS)
def test_what_further_fits_and_exchanged_values_say_is_on_the_page_in_plots_and_tables(kind: str) -> None:
    review = a_review(CAPTIONS[kind][0], recipe=True)

    root = parsed(packet_page(review))

    heads = ["".join(node.itertext()) for node in root.iter("h2")]
    sections = ["Importance of the features", "Over earlier time", "Planted noise", "Learning curve"]
    assert [head for head in heads if head in sections] == sections
    plots = {plot[0].text: "".join(plot[1].itertext()) for plot in root.iter() if plot.tag == "svg"}
    found, first = review["packet"]["validation"], next(iter(review["packet"]["validation"]["spread"]))
    words = MEASURES[first].words
    assert {"Importance", f"{words} by fold", f"Learning curve: {words}"} <= plots.keys()
    # Exchanging `spend` changed nothing; of `region` everything.
    region = found["importance"]["features"]["region"]
    assert f"region: {region['figure']:.3f}; spend: 0.000; planted noise: " in plots["Importance"]
    worst = found["spread"][first]
    said = texts(root)
    assert f"{worst['worst']:.3f} ({worst['fold'].replace('-', ' ')})" in said
    assert "Not declared, so not looked into" not in said


def test_a_run_that_looked_into_no_recipe_says_what_it_lacks() -> None:
    page = packet_page(a_review(COUPONS, validation=Validation(importance=False)))
    assert "not looked into: earlier folds, planted noise, a learning curve." in page
    assert "Importance of the features" not in page
    assert "Importance of the features</h2><p>It is not known: the batch has room" in packet_page(a_review(COUPONS))


def test_the_page_holds_what_a_reviewer_has_to_defend() -> None:
    limits = Validation(thresholds={"auc": 0.7, "log_loss": 0.3}, calibration=0.5, block=False)
    judgement: dict[str, Any] = {
        "decision": "approve",
        "reviewer": BEN,
        "decided_at": "2026-11-23T09:30:00Z",
        "reason": "beats the rule",
    }
    review = a_review(COUPONS, validation=limits, state="decided", judgements=[judgement], **judgement)

    said = texts(parsed(packet_page(review)))

    packet = review["packet"]
    for words in (
        COUPONS.title,
        "remind: at most 20% of a batch",
        "each household and campaign",
        "campaign_desk",
        "The log loss is 0.41",
        "leakage: spend alone",
        "demographics carries no time",
        "12 immature",
        "xgboost 3.2-0",
        "Worse than for all decisions: spend",
        "region",
        "e" * 64,
        "policy.version 7 1",
        "features out, and in old_feature spend_30d",
        "d" * 64,
        ANNA,
        f"approved {BEN} 2026-11-23T09:30:00Z beats the rule",
        f"Digest of this packet: {review['packet_digest']}",
        packet["dataset_id"],
    ):
        assert words in said, words
    assert re.search(r"AUC 0\.869 0\.8\d\d to 0\.8\d\d", said)


def test_a_run_that_did_not_pass_says_so_first() -> None:
    page = packet_page(a_review(COUPONS, validation=Validation(thresholds={"log_loss": 0.1})))

    assert "The run did not pass. Nobody can approve it." in page
    assert page.index("did not pass") < page.index("What to look at first")
    assert "not registered" not in page or "arn:aws:package" not in page


def test_the_page_is_the_same_each_time_and_needs_nothing_else() -> None:
    review = a_review(COUPONS)

    page = packet_page(review)

    assert page == packet_page(json.loads(json.dumps(review)))
    root = parsed(page)
    assert not {node.tag for node in root.iter()} & {"script", "link", "img", "iframe", "object"}
    used = {value for node in root.iter() for name, value in node.attrib.items() if name.endswith(("href", "src"))}
    assert all(value.startswith("#") for value in used)
    assert not [word for word in ("http:", "https:", "src=", "@import") if word in page]
    assert not re.search(r"url\((?!#)", page)


def test_what_people_wrote_is_text_on_the_page() -> None:
    hostile = '<script>alert("x")</script>&'
    line = replace(COUPONS, title=hostile, owner=hostile)
    review = a_review(line, state="decided", decision="reject", reviewer=BEN, reason=hostile, decided_at="now")
    review["packet"]["notes"].append(hostile)
    review["packet"]["validation"]["segments"]["region"][0]["part"] = hostile

    page = packet_page(review)

    assert "<script" not in page
    assert texts(parsed(page)).count(hostile) >= 5


def test_a_packet_of_an_earlier_version_has_a_page() -> None:
    review = a_review(COUPONS, champion=False)
    for later in ("decision", "validation", "method", "blocked", "quality", "since_champion"):
        del review["packet"][later]
    del review["packet_digest"]

    said = texts(parsed(packet_page(review)))

    assert "AUC" in said
    assert "this would be the first" in said


def test_a_packet_is_small_enough_for_its_table() -> None:
    many = a_review(COUPONS)["packet"]
    part: dict[str, Any] = many["validation"]["segments"]["region"][0]
    # The most that can be declared.
    many["validation"]["segments"] = {f"segment_{place}": [part] * 13 for place in range(11)}

    assert len(json.dumps(many)) < 200_000
