"""The report as its reader sees it: whole, alone, escaped, plain about what it does not know."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from assembly_line.declarations.lines import Line
from assembly_line.features import in_words
from assembly_line.feedback import measure
from assembly_line.reporting.figures import Figures
from assembly_line.reporting.judged import Judged
from assembly_line.reporting.report_page import report_page
from assembly_line.reporting.report_sections import ReportSubject
from tests.unit.reporting.worlds import COUPONS, DATASET, Past, with_policy

MONEY = with_policy(version=2, values={"remind": 5.0, "leave": 4.0}, costs={"remind": 0.5}, currency="USD")


def of(judged: Judged, found: Figures, line: Line, **changes: object) -> str:
    subject = ReportSubject(
        line=line,
        outcome=judged.outcome,
        shares=judged.shares,
        cluster=judged.cluster,
        period="Decisions from 2017-01-01 to 2017-06-01",
        as_of="2018-01-02 00:00 UTC",
        release="f" * 64,
        models={"trained-1": found.whole.decisions},
        datasets={DATASET: found.whole.decisions},
        by="campaign_id",
        meanings={name: in_words(COUPONS, name) for name in COUPONS.features},
        performance=measure(judged.session, kind=line.predicts, cluster=judged.cluster, draws=50)[-1]
        if found.whole.known
        else None,
    )
    return report_page(replace(subject, **changes), found)  # type: ignore[arg-type]


def parsed(page: str) -> ElementTree.Element:
    """Of a page without its document type; fails where it is not well-formed."""
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - made by the test


def texts(page: str) -> str:
    body = parsed(page).find("body")
    assert body is not None
    return " ".join(" ".join(text.split()) for text in body.itertext() if text.strip())


@pytest.fixture(scope="module")
def whole() -> str:
    past = Past()
    judged, found = past.figures(MONEY, by="campaign_id")
    return of(judged, found, MONEY)


def test_it_has_every_section_in_the_order_in_which_a_decider_asks(whole: str) -> None:
    assert ["".join(node.itertext()) for node in parsed(whole).iter("h2")] == [
        "What the line decided",
        "What came of it",
        "What remind changes",
        "In money",
        "What goes along with the outcome",
        "How good the predictions were",
        "What this report cannot say",
        "How to read it",
    ]


def test_it_needs_nothing_else(whole: str) -> None:
    assert "<script" not in whole
    assert not re.search(r"(src|href)=\"(?!#)", whole)
    assert not re.search(r"url\((?!#)|@import|https?://", whole)


def test_it_says_that_it_is_correlation_and_how_many_looks_there_were(whole: str) -> None:
    said = texts(whole)
    assert "This is correlation." in said
    assert "4 features were looked at, and chance is adjusted for that many looks (Holm)" in said
    assert re.search(r"visits_30d [^|]*? may be chance", said)
    assert re.search(r"spend_30d \d+\.\d% at [\d.]+ to [\d.]+ \d+\.\d% at [\d.]+ to [\d.,]+ \+\d+\.\d points", said)


def test_it_says_what_it_was_made_with(whole: str) -> None:
    said = texts(whole)
    for one in ("2018-01-02 00:00 UTC", "f" * 64, "trained-1", DATASET, "household_id belong together"):
        assert one in said


def test_no_value_of_a_personal_column_is_on_it(whole: str) -> None:
    assert not re.search("under 30|30 to 60|over 60", whole)
    assert "personal data: not shown" in whole


def test_money_is_by_the_declared_values_and_no_effect(whole: str) -> None:
    said = texts(whole)
    assert "remind: USD 5.00 where the outcome is present, USD 0.50 cost each time" in said
    assert "not what the line added" in said
    assert re.search(r"In money, remind instead of leave came to USD \d\.\d\d a decision", said)


def test_a_plot_tells_those_who_do_not_see_it_what_it_shows(whole: str) -> None:
    plots = [node for node in parsed(whole).iter() if node.tag == "svg"]
    assert len(plots) == 3
    assert all(len("".join(plot[1].itertext())) > 20 for plot in plots)


def test_a_line_without_decisions_still_has_a_report() -> None:
    judged, found = Past(households=0).figures()
    said = texts(of(judged, found, COUPONS))
    assert "No decision of this period was delivered. There is nothing to report yet." in said


def test_a_line_without_outcomes_says_so_in_place_of_each_figure() -> None:
    judged, found = Past(known=0.0, households=50).figures()
    said = texts(of(judged, found, COUPONS))
    assert "No outcome is certain yet. So nothing can be said of what came of these decisions." in said
    assert "300 decisions wait for theirs" in said
    assert re.search(r"A lot decided \d+ decisions\. None of their outcomes is certain yet\.", said)
    assert "What remind changes, as no outcome is certain yet." in said
    assert "redeemed none yet" in said


def test_few_decisions_say_too_few_rather_than_a_figure() -> None:
    judged, found = Past(households=4).figures()
    said = texts(of(judged, found, COUPONS))
    assert "They are too few for a figure." in said
    assert "Too few decisions were left to chance to say what remind changes." in said
    assert "too few decisions to compare" in said
    assert not re.search(r"redeemed: \d", said)


def test_without_exploration_it_refuses_to_compare_the_actions() -> None:
    judged, found = Past(explores=0.0, households=60).figures()
    said = texts(of(judged, found, COUPONS))
    assert "Nothing was left to chance, so this report cannot say what remind changes." in said
    assert "The policy declares neither values nor costs" in said


def test_datasets_that_are_gone_are_said() -> None:
    judged, found = Past(households=60).figures()
    said = texts(of(judged, replace(found, associations=None), COUPONS, missing=[DATASET]))
    assert "The datasets that these decisions were scored with are no longer there." in said
    assert "1 of 1 datasets, which are no longer there" in said


def test_markup_in_what_people_write_is_text() -> None:
    line = replace(COUPONS, title="<b>Who & why</b>", owner="<i>we</i>")
    judged, found = Past(households=0).figures()
    page = of(judged, found, line)
    assert "<b>" not in page
    assert "<i>" not in page
    assert "<b>Who & why</b>" in texts(page)
