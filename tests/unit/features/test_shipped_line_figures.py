"""The shipped line on its whole public data: the figures that its README states, and its features by pandas."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assembly_line.declarations.lines import Line
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.snapshots import Snapshot, SnapshotObject
from assembly_line.features.planning.planning import make_plan
from assembly_line.features.quality.gate import examine
from assembly_line.features.sources.source_files import write_typed
from assembly_line.features.values.columns import Column
from assembly_line.loader import load_line
from assembly_line.requests import DatasetRequest
from tests.unit.features.small_world import rows_of

PROJECT = Path(__file__).parents[3]
NEW_YORK = "America/New_York"


class ShippedLake:
    """The line's raw tables, and typed as the lake holds them."""

    def __init__(self, folder: Path) -> None:
        self.line: Line = load_line(PROJECT / "lines", "coupon_redemption").line
        self.folder = folder
        self.raw = folder / "raw"
        script = PROJECT / "lines" / "coupon_redemption" / "data.py"
        subprocess.run([sys.executable, str(script), str(self.raw)], check=True, timeout=120)
        self.snapshots = {name: self._typed(name) for name in self.line.sources}

    def build(self, **request: Any) -> tuple[Any, Any, dict[str, Column]]:
        parsed = DatasetRequest.parse({"line": self.line.name, **request})
        plan = make_plan(parsed, self.line, release="0" * 64, snapshots=self.snapshots, memory_mib=3008)
        files = {name: [Path(item.key) for item in part.objects] for name, part in plan.inputs.items()}
        target = self.folder / "data.parquet"
        built = build_on_duckdb(plan, files, target, memory_mib=3008)
        return plan, built, read_dataset(target)

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.raw / f"{name}.parquet")

    def _typed(self, name: str) -> Snapshot:
        source = self.line.sources[name]
        place = self.folder / name
        place.mkdir()
        written = write_typed(source, self.raw / f"{name}.parquet", place)
        objects = tuple(
            SnapshotObject(
                key=str(file.path),
                version="1",
                bytes=file.path.stat().st_size,
                rows=file.rows,
                min_time=file.min_time,
                max_time=file.max_time,
            )
            for file in written
        )
        return Snapshot(source=name, columns=source.columns, objects=objects)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> ShippedLake:
    return ShippedLake(tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def complete(lake: ShippedLake) -> pd.DataFrame:
    """Every decision whose outcome is known when the year is over."""
    return pd.DataFrame(rows_of(lake.build(purpose="training", as_of="2018-01-02")[2]))


@pytest.mark.parametrize(
    ("as_of", "figures"),
    [
        ("2017-07-01", {"rows": 2020, "campaigns": 9, "positives": 219, "immature": 4422}),
        ("2018-01-01", {"rows": 5657, "campaigns": 19, "positives": 746, "immature": 785}),
        ("2019-01-01", {"rows": 5657, "campaigns": 19, "positives": 746, "immature": 785}),
    ],
)
def test_mature_decisions_are_those_of_the_data(lake: ShippedLake, as_of: str, figures: dict[str, int]) -> None:
    plan, built, columns = lake.build(purpose="training", as_of=as_of)
    by_pandas = mature_by_pandas(lake, datetime.fromisoformat(as_of).replace(tzinfo=UTC))

    assert built.rows == len(columns["decision_id"]) == len(by_pandas) == figures["rows"]
    found = set(columns["campaign_id"].values.tolist())
    assert len(found) == by_pandas["campaign_id"].nunique() == figures["campaigns"]
    assert int(columns["redeemed"].values.sum()) == int(by_pandas["redeemed"].sum()) == figures["positives"]
    assert built.excluded == {
        "without_time": 0,
        "outside_period": 0,
        "before_history": 147,
        "immature": figures["immature"],
    }
    assert built.spine_rows == 6589
    assert [finding.rule for finding in examine(plan, built, columns) if not finding.passed] == []


def test_the_share_of_positives_is_what_the_readme_says(complete: pd.DataFrame) -> None:
    assert round(100 * complete["redeemed"].mean(), 2) == 13.19


def test_windowed_features_equal_those_of_pandas(lake: ShippedLake, complete: pd.DataFrame) -> None:
    sampled = complete.iloc[::7]
    bought = dict(iter(lake.table("transactions").groupby("household_id")))
    stamps = "transaction_timestamp"
    for row in sampled.to_dict("records"):
        at = row["decision_time"].tz_localize(None)
        past = bought[row["household_id"]]
        past = past[past[stamps] < at]
        last90, last30 = (past[past[stamps] >= at - timedelta(days=width)] for width in (90, 30))
        close(row["spend_30d"], last30["sales_value"].sum() if len(last30) else None)
        close(row["spend_90d"], last90["sales_value"].sum() if len(last90) else None)
        close(row["coupon_discount_90d"], last90["coupon_disc"].sum() if len(last90) else None)
        assert row["visits_30d"] == last30["basket_id"].nunique()
        assert row["products_90d"] == last90["product_id"].nunique()
        since = (at - past[stamps].max()) / timedelta(days=1) if len(past) else None
        close(row["days_since_visit"], since)
        if len(last90) and last90["sales_value"].sum():
            close(row["discount_share_90d"], last90["retail_disc"].sum() / last90["sales_value"].sum())


def test_past_redemptions_and_facts_equal_those_of_pandas(lake: ShippedLake, complete: pd.DataFrame) -> None:
    redeemed, people = lake.table("coupon_redemptions"), lake.table("demographics").set_index("household_id")
    redeemed["at"] = day_ends(redeemed["redemption_date"])
    by_household = dict(iter(redeemed.groupby("household_id")))
    kinds = lake.table("campaign_descriptions").set_index("campaign_id")["campaign_type"]
    for row in complete.to_dict("records"):
        at = row["decision_time"]
        assert row["campaign_type"] == kinds[row["campaign_id"]]
        assert (row["age"] == row["age"] and row["age"] is not None) == (row["household_id"] in people.index)
        past = by_household.get(row["household_id"], redeemed.iloc[:0])
        past = past[(past["at"] < at) & (past["at"] >= at - timedelta(days=365))]
        assert row["redemptions_365d"] == len(past)
        assert row["campaigns_redeemed_365d"] == past["campaign_id"].nunique()


def test_a_campaign_is_scored_from_the_months_before_it_alone(lake: ShippedLake) -> None:
    plan, built, columns = lake.build(
        purpose="scoring", as_of="2017-05-03", **{"from": "2017-04-19", "to": "2017-04-20"}
    )

    assert set(columns["campaign_id"].values.tolist()) == {6}
    assert built.rows == int((lake.table("campaigns")["campaign_id"] == 6).sum())
    newest = max(item.min_time for item in plan.inputs["transactions"].objects)
    assert newest < datetime(2017, 5, 1, tzinfo=UTC).timestamp() * 1e6
    assert "redeemed" not in columns
    assert plan.inputs["transactions"].columns.keys() < lake.line.sources["transactions"].columns.keys()


def mature_by_pandas(lake: ShippedLake, as_of: datetime) -> pd.DataFrame:
    described, redeemed = lake.table("campaign_descriptions"), lake.table("coupon_redemptions")
    described["starts"] = pd.to_datetime(described["start_date"]).dt.tz_localize(NEW_YORK).dt.tz_convert("UTC")
    described["ends"] = day_ends(described["end_date"])
    covered = day_ends(redeemed["redemption_date"]).max()
    spine = lake.table("campaigns").merge(described, on="campaign_id")
    spine = spine[spine["starts"] >= datetime(2017, 1, 1, tzinfo=UTC)]
    spine = spine[(spine["ends"] <= as_of + timedelta(hours=5)) & (spine["ends"] <= covered)]
    # A campaign that ends on the last day of 2017 would mature five hours into 2018; there is none.
    assert (spine["ends"] <= as_of).all()
    redeemed["at"] = day_ends(redeemed["redemption_date"])
    joined = spine.merge(redeemed, on=["household_id", "campaign_id"], how="left")
    joined["redeemed"] = (joined["at"] > joined["starts"]) & (joined["at"] <= joined["ends"])
    return joined.groupby(["household_id", "campaign_id"], as_index=False)["redeemed"].max()


def day_ends(days: Any) -> Any:
    return (pd.to_datetime(days) + pd.Timedelta(days=1)).dt.tz_localize(NEW_YORK).dt.tz_convert("UTC")


def close(found: Any, expected: float | None) -> None:
    missing = found is None or np.isnan(found)
    assert missing if expected is None else np.isclose(found, expected, rtol=1e-9, atol=1e-12), (found, expected)
