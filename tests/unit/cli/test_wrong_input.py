"""What a person mistypes or meets: each is answered with what is wrong and what to do, and nothing is half done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import duckdb
import pytest

from assembly_line.cli.exits import ExitCode, describe
from assembly_line.cli.output import Output, plain
from assembly_line.cli.target import Target
from assembly_line.cli.waiting import progress
from assembly_line.errors import RunFailed
from assembly_line.stations import DATASET

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

LINE = "coupon_redemption"
COLUMNS = {
    "campaign_descriptions": "1 AS campaign_id, 'A' AS campaign_type, DATE '2017-01-01' AS start_date, "
    "DATE '2017-02-01' AS end_date",
    "campaigns": "1 AS household_id, 1 AS campaign_id",
    "coupon_redemptions": "1 AS household_id, 1 AS campaign_id, 5 AS coupon_upc, DATE '2017-01-09' AS redemption_date",
    "demographics": "1 AS household_id, 'x' AS age, 'x' AS income, 'x' AS household_size, 'x' AS kids_count",
    "transactions": "1 AS household_id, 1 AS basket_id, 1 AS product_id, 1 AS quantity, 1.5 AS sales_value, "
    "0.5 AS retail_disc, 0.0 AS coupon_disc, TIMESTAMP '2017-01-05 10:00:00' AS transaction_timestamp",
}


@pytest.fixture(scope="module")
def target(shared_target: Target, shared_release: dict[str, str]) -> Target:
    """The shipped lines are released."""
    return shared_target


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The smallest tables that the shipped line's sources allow."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, columns in COLUMNS.items():
        write(folder, name, columns)
    return folder


def write(folder: Path, name: str, columns: str) -> None:
    duckdb.sql(f"COPY (SELECT {columns}) TO '{folder / name}.parquet'")


def test_the_version_needs_no_command(line: Command) -> None:
    answer = line("--version")

    assert (answer.code, answer.err) == (ExitCode.OK, "")
    assert answer.out.strip()[0].isdigit()


@pytest.mark.parametrize("port", ["0", "-1", "80000", "http"])
def test_a_port_that_cannot_be_is_refused(line: Command, tmp_path: Path, port: str) -> None:
    answer = line("up", "--environment", "embedded", "--state", str(tmp_path / "state"), "--port", port)

    assert answer.code == ExitCode.REFUSED
    assert "--port" in answer.err
    assert not (tmp_path / "state").exists()


def test_an_unknown_feature_is_refused_before_a_run_begins(target: Target, line: Command) -> None:
    answer = line("dataset", "build", LINE, "--as-of", "2017-07-01", "--features", "shoe_size,age")

    assert answer.code == ExitCode.REFUSED
    assert "no feature 'shoe_size'; it has spend_30d," in answer.err
    assert target.machines.recent(target.named(DATASET.parameter)) == []


@pytest.mark.parametrize("arguments", [("sources", "load", "nonsense"), ("review", "list", "nonsense")])
def test_an_unknown_line_is_refused_with_those_there_are(
    target: Target, line: Command, arguments: tuple[str, ...]
) -> None:
    answer = line(*arguments)

    assert answer.code == ExitCode.REFUSED
    assert f"released lines: {LINE}" in answer.err


def test_sources_are_loaded_and_told(target: Target, line: Command, raw: Path) -> None:
    boto3.client("glue").create_database(DatabaseInput={"Name": "lake"})

    loaded = {one["source"]: one for one in json.loads(line("sources", "load", LINE, "--from", str(raw), "--json").out)}

    assert set(loaded) == set(COLUMNS)
    assert loaded["transactions"]["newest_event"] == "2017-01-05T10:00:00.000000Z"
    assert loaded["campaigns"]["newest_event"] is None


def test_one_wrong_file_leaves_every_table_as_it_was(
    target: Target, line: Command, raw: Path, subtests: pytest.Subtests
) -> None:
    last = raw / "transactions.parquet"
    wrong: dict[str, Callable[[], object]] = {
        "there is no such file": last.unlink,
        "is empty (0 bytes)": lambda: last.write_bytes(b""),
        "cannot be read as Parquet": lambda: last.write_text("household_id\n1\n"),
        "has no column 'basket_id'": lambda: write(raw, "transactions", "1 AS household_id"),
    }
    # Unlike what another test may have loaded, so that a table that was replaced has other objects.
    write(raw, "campaigns", "2 AS household_id, 1 AS campaign_id")
    before = list(target.lake_objects.list(""))
    for said, spoil in wrong.items():
        with subtests.test(said):
            spoil()
            answer = line("sources", "load", LINE, "--from", str(raw))

            assert answer.code == ExitCode.REFUSED
            assert "transactions.parquet" in answer.err
            assert said in answer.err
            assert list(target.lake_objects.list("")) == before


def test_the_board_says_of_what_there_is_nothing(target: Target, line: Command) -> None:
    assert "of line 'nonsense'." in line("board", "nonsense").out
    assert "since 2099-01-01." in line("board", "--since", "2099-01-01").out


def test_who_stops_watching_a_run_is_told_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), progress(Output(machine_readable=False), "Scoring restock") as show:
        show("Begin")
        raise KeyboardInterrupt

    assert "Scoring restock: no longer watched; it goes on" in capsys.readouterr().err


def test_a_full_disk_is_explained_whatever_failed_by_it() -> None:
    failed = RunFailed("run r failed: OSError: [Errno 28] No space left on device")

    assert "is full: free some space" in describe(failed)
    assert "is full" not in describe(RunFailed("run r failed: OSError: [Errno 13] Permission denied"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (["spend_30d", "age"], "spend_30d, age"),
        ({"score_not_finite": 2}, "score_not_finite 2"),
        ({}, "none"),
        ("[bold]", "[bold]"),
    ],
)
def test_values_are_for_people(value: object, text: str) -> None:
    assert plain(value) == text


def test_the_demo_says_where_it_is_if_this_is_another_folder(
    line: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assembly_line.cli.commands.demo.REPOSITORY", tmp_path)

    answer = line("demo")

    assert answer.code == ExitCode.REFUSED
    assert f"{tmp_path}: has no demo/; expected the project's own folder" in answer.err
