"""Exploring features: every feature of a released line in words, its freshness, personal data, and who else uses it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.loader import load_line
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.models.releases import ReleaseStore

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

PROJECT = Path(__file__).parents[3]
LINE = "coupon_redemption"


@pytest.fixture(scope="module", autouse=True)
def released(shared_target: Target, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The shipped line, and another one that shares some of its features; only the transactions are loaded."""
    release = load_line(PROJECT / "lines", LINE)
    store = ReleaseStore(shared_target.store)
    shared_target.control.set_current_release(LINE, store.publish(release))
    shared = {name: release.line.features[name] for name in ("redemptions_90d", "redemptions_365d")}
    money = release.line.features["spend_30d"]
    other = replace(release.line, name="other_line", features={**shared, "money": money}, groups={}, tables=())
    shared_target.control.set_current_release("other_line", store.publish(Release(other, release.scripts)))
    load_transactions(shared_target, release, tmp_path_factory.mktemp("raw"))
    return release


def load_transactions(target: Target, release: Release, folder: Path) -> None:
    columns = ", ".join(
        "TIMESTAMP '2017-06-30 12:00:00' AS transaction_timestamp" if kind == "timestamp" else f"1 AS {name}"
        for name, kind in release.line.sources["transactions"].columns.items()
    )
    duckdb.execute(f"COPY (SELECT {columns}) TO '{folder}/transactions.parquet'")
    glue = target.client("glue")
    glue.create_database(DatabaseInput={"Name": "lake"})
    Lake(target.lake, glue, "lake").load(release.line.sources["transactions"], folder / "transactions.parquet")


def answered(line: Command, *arguments: str) -> Any:
    answer = line("features", *arguments, "--json")
    assert answer.code == ExitCode.OK, answer.err
    return json.loads(answer.out)


def test_features_are_listed_in_words_and_found_by_them(released: Release, line: Command) -> None:
    listed = {one["name"]: one for one in answered(line, "list", LINE)}

    assert list(listed) == list(released.line.features)
    spend = listed["spend_30d"]
    assert spend["definition"] == (
        "the sum of sales_value of the household's transactions in the 30 days before the decision"
    )
    assert (spend["window"], spend["entities"], spend["type"]) == ("30 days", ["household"], "float64")
    assert spend["freshness"] == {"transactions": "2017-06-30T12:00:00.000000Z"}
    assert spend["used_by"] == {LINE: "spend_30d", "other_line": "money"}
    assert listed["redemptions_90d"]["freshness"] == {"coupon_redemptions": "not loaded"}
    assert [name for name, one in listed.items() if one["personal"]] == [
        "age", "income", "household_size", "kids_count",
    ]  # fmt: skip
    assert listed["discount_share_90d"]["parts"] == ["retail_discount_90d", "spend_90d"]
    found = [one["name"] for one in answered(line, "search", LINE, "Household's REDEMPTIONS distinct")]
    assert found == ["campaigns_redeemed_365d"]
    assert answered(line, "search", LINE, "weather") == []
    assert "No feature of coupon_redemption matches" in line("features", "search", LINE, "weather").out
    assert "spend_30d" in line("features", "list", LINE).out


def test_one_feature_is_described_with_its_source(released: Release, line: Command) -> None:
    found = answered(line, "describe", LINE, "redemptions_365d")
    text = " ".join(line("features", "describe", LINE, "spend_30d").out.split())

    assert (found["owner"], found["baseline"]) == ("campaign-analytics", True)
    (source,) = found["read_from"]
    assert (source["known"], source["zone"]) == ("at once", "America/New_York")
    assert "1 rows, snapshot" in text
    assert "coupon_redemption as spend_30d, other_line as money" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "unknown_line"), "unknown_line"),
        (("describe", LINE, "nonsense"), "has no feature 'nonsense'; it has spend_30d"),
    ],
)
def test_what_is_not_there_is_said(line: Command, arguments: tuple[str, ...], said: str) -> None:
    answer = line("features", *arguments)

    assert answer.code == ExitCode.REFUSED
    assert said in " ".join(answer.err.split())
