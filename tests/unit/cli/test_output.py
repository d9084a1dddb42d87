"""What commands print on a narrow terminal: nothing that a reader needs is torn apart."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from assembly_line.cli.exploring import draw_tables
from assembly_line.cli.online import draw_answer, draw_published
from assembly_line.cli.output import Render, exact, fields, rows
from assembly_line.cli.views.datasets import draw_built, draw_difference, draw_list
from assembly_line.cli.views.features import draw_features
from assembly_line.cli.views.model_inputs import model_spec_in_words
from assembly_line.cli.views.quality import draw_findings

DATASET = "ds-0123456789abcdef0123456789abcdef"
ADDRESS = "s3://a-bucket-with-a-long-name/datasets/coupon_redemption/ds-0123456789abcdef/attempts/0a1b/data.parquet"


def drawn(render: Render, width: int = 80) -> list[str]:
    """Lines as they are printed, without blanks at their ends."""
    console = Console(file=StringIO(), width=width, highlight=False)
    render(console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def a_dataset(**changed: object) -> dict[str, object]:
    return {
        "dataset_id": DATASET,
        "line": "coupon_redemption",
        "purpose": "training",
        "as_of": "2018-01-02T00:00:00.000000Z",
        "features": 19,
        "rows": 5657,
        "positives": 746,
        "sampled": False,
        "created": "2018-01-03T01:51:54.327554Z",
        **changed,
    }


def test_a_list_of_datasets_has_a_line_each_on_a_terminal_of_80_columns() -> None:
    found = drawn(draw_list([a_dataset(), a_dataset(line="weekly_visit", rows=1234567)]))

    (first,) = [line for line in found if "5657" in line]
    assert first.split() == ["ds-0123456789ab", "training", "2018-01-02", "19", "5657", "746", "2018-01-03", "01:51"]
    assert len([line for line in found if line.strip().startswith("ds-")]) == 2
    assert {"coupon_redemption", "weekly_visit"} <= set(found)
    assert all(len(line) <= 80 for line in found)


def test_a_sampled_dataset_is_told_from_a_whole_one() -> None:
    (said,) = [line for line in drawn(draw_list([a_dataset(sampled=True)]), 100) if "5657" in line]

    assert "training, sampled" in said


def test_a_list_of_tables_keeps_names_and_numbers_whole_on_a_terminal_of_80_columns() -> None:
    table = {
        "table": "household_week",
        "catalog_table": "coupon_redemption_household_week",
        "by": ["household_id"],
        "rows_are": "whoever has a row of transactions that is known and at most 90 days old, each monday at 00:00",
        "refresh": "daily at 05:00",
        "refreshed_at": "2018-01-03T02:04:36.231086Z",
        "rows": 114528,
        "current": True,
    }

    found = drawn(draw_tables([table, {**table, "rows": None, "refreshed_at": None, "current": False}], "line"))

    words = " ".join(found).split()
    assert words.count("household_week") == words.count("household_id") == 2
    assert {"114528", "yes", "no", "never", "coupon_redemption_household_week."} <= set(words)
    assert all(len(line) <= 80 for line in found)


def test_a_list_of_features_keeps_names_and_instants_whole_on_a_terminal_of_80_columns() -> None:
    feature = {
        "name": "campaigns_redeemed_365d",
        "definition": "how many different values of campaign_id of the household's coupon_redemptions",
        "groups": ["household"],
        "freshness": {"coupon_redemptions": "2018-01-01T05:00:00.000000Z"},
        "personal": True,
        "used_by": {"line": "x", "weekly_visit": "y"},
    }

    text = "\n".join(drawn(draw_features([feature], "line")))

    assert "campaigns_redeemed_365d" in text
    assert "2018-01-01 05:00" in text
    assert " ".join(text.split()).count("personal") == 1
    assert "weekly_visit" in text


def test_an_address_is_not_broken_so_that_it_can_be_copied() -> None:
    found = drawn(fields({"Data": ADDRESS, "Words": "one two three " * 10}))

    assert f"Data   {ADDRESS}" in found
    assert all(len(line) <= 80 for line in found if ADDRESS not in line)


def test_what_has_no_place_as_a_table_is_drawn_row_by_row() -> None:
    found = drawn(rows(("name", "where"), [("a", ADDRESS), ("b", ADDRESS)]), 60)

    assert [line for line in found if line.startswith("name")] == ["name   a", "name   b"]
    assert found.count(f"where  {ADDRESS}") == 2


@pytest.mark.parametrize("width", [70, 80, 200])
def test_every_rule_is_shown_whole_the_worst_first(width: int) -> None:
    long = "word " * 40
    findings = [
        {"rule": "columns of campaign_descriptions", "result": "passed", "value": f"{long}last"},
        {"rule": "volume", "result": "error", "value": f"{long}end"},
    ]

    found = " ".join(drawn(draw_findings(findings, title="Rules"), width))

    assert found.count("word") == 80
    assert found.index("end") < found.index("last")
    assert "…" not in found


def test_whether_this_run_built_a_dataset_is_said_in_words() -> None:
    answer = {
        **{name: value for name, value in a_dataset(features=["age", "income"]).items() if name != "sampled"},
        **{"spine_rows": 6589, "seconds": 3.4, "engine": "duckdb", "data_uri": ADDRESS, "manifest_uri": ADDRESS},
        **{"run_id": "r-1", "status": "SUCCEEDED", "took": "18 s"},
    }
    inputs = {
        "shape_id": "sh-0123456789abcdef",
        "type": "linear",
        "exists": True,
        "parts": [{"name": "train", "fold": None, "rows": 9}],
    }

    built, again = (" ".join(drawn(draw_built({**answer, "exists": exists}))) for exists in (False, True))
    prepared = " ".join(drawn(draw_built({**answer, "exists": True, "shape": inputs})))

    assert "built by this run" in built
    assert "found: an equal request had built it before" in again
    assert "exists" not in built + again
    assert "line dataset get ds-0123456789ab --inputs sh-0123456789ab --to FOLDER" in " ".join(prepared.split())


def test_features_of_one_dataset_alone_are_named_once_and_not_as_changes() -> None:
    nothing = {"decisions": 0, "such_as": []}
    found = {
        **{"first": DATASET, "second": DATASET, "snapshots": {}, "declarations": {}, "values": {}, "such_as": []},
        **{"rows": {"first": 9, "second": 7, "common": 7}, "only_in_first": nothing, "only_in_second": nothing},
        "request": {"as_of": ["2018-01-02T00:00:00.000000Z", "2017-10-01T00:00:00.000000Z"]},
        "features": {"added": [], "removed": ["age", "income"], "redefined": {}},
    }

    text = drawn(draw_difference(found))

    assert "Features only in the first  age, income" in text
    assert any(line.split() == ["as_of", "2018-01-02", "2017-10-01"] for line in text)
    assert "only in the second" not in " ".join(text)


def test_what_tells_two_model_inputs_of_a_type_apart_is_said() -> None:
    inputs = {"type": "gradient_boosting", "format": "parquet", "split": {"holdout": 0.25}}

    assert model_spec_in_words(inputs) == "gradient_boosting, format parquet, split holdout 0.25"


def test_values_of_the_data_are_shown_with_all_their_digits() -> None:
    found = {
        **{"values": {"spend": 12345.678, "new": True, "age": None}, "at": "2017-08-01T00:00:00.000000Z"},
        **{"known_until": "2018-01-01T04:01:20.000000Z", "generation": "g-1", "release": "0" * 64},
    }

    text = "\n".join(drawn(draw_answer(found)))

    assert exact(0.1 + 0.2) == "0.30000000000000004"
    assert "12345.678" in text
    assert "true" in text
    assert "null" in text


def test_whether_a_publication_was_written_is_said_in_words() -> None:
    answer = {
        **{"line": "x", "generation": "g-1", "release": "0" * 64, "served_from": "2017-06-01T00:00:00.000000Z"},
        **{"valid_until": "2017-06-15T02:00:01.311011Z", "run_id": "r-1", "took": "26 s"},
    }

    written, there = (
        " ".join(drawn(draw_published({**answer, "items": items, "exists": exists})))
        for items, exists in ((3707, False), (None, True))
    )

    assert "published by this run" in written
    assert "nothing was written" in there
