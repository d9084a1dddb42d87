"""Questions about recorded datasets: the events behind a value, the dataset repeated, two datasets compared."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from rich.console import Console

from assembly_line import between, hours, total
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.cli.views.quality import draw_quality
from assembly_line.errors import QualityGateFailed
from assembly_line.stations import DATASET
from tests.unit.cli.released_world import NAME, PreparedSources, ReleasedWorld, open_world
from tests.unit.features.small_world import EVENTS, USER

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command


@pytest.fixture(scope="module")
def target(shared_target: Target) -> Target:
    return shared_target


@pytest.fixture(scope="module")
def shared_world(target: Target, prepared: PreparedSources) -> Iterator[ReleasedWorld]:
    with open_world(target, prepared) as opened:
        yield opened


@pytest.fixture
def world(shared_world: ReleasedWorld) -> Iterator[ReleasedWorld]:
    """For tests that release or load something else: it is as it was for the next one."""
    yield shared_world
    shared_world.go_back()


@pytest.fixture(scope="module")
def dataset(shared_world: ReleasedWorld) -> str:
    return str(shared_world.build()["dataset_id"])


def answered(line: Command, *arguments: str) -> Any:
    answer = line(*arguments, "--json")
    assert answer.code == ExitCode.OK, answer.err
    return json.loads(answer.out)


def manifest_of(target: Target, dataset: str) -> Any:
    return target.store.read_json(f"datasets/{NAME}/{dataset}/manifest.json")


def stored(target: Target, dataset: str, folder: Path) -> Any:
    """The dataset's rows, by DuckDB alone."""
    path = folder / "stored.parquet"
    path.write_bytes(target.store.read(target.store.key_of(manifest_of(target, dataset)["data_uri"])))
    return duckdb.read_parquet(str(path))


def test_datasets_are_listed_and_shown(target: Target, dataset: str, line: Command) -> None:
    listed = {one["dataset_id"]: one for one in answered(line, "dataset", "list")}
    manifest = answered(line, "dataset", "show", dataset[:9])

    # Other tests may have built some more.
    kept = [item.key.split("/") for item in target.store.list(f"datasets/{NAME}/ds-")]
    assert sorted(listed) == sorted(name for _, _, name, *rest in kept if rest == ["manifest.json"])
    assert (listed[dataset]["line"], listed[dataset]["features"]) == (NAME, 11)
    assert (manifest["dataset_id"], manifest["rows"]) == (dataset, listed[dataset]["rows"])
    assert answered(line, "dataset", "list", NAME) == list(listed.values())
    text = line("dataset", "show", dataset).out
    assert "the mean of x of the user's events in the 1 day before the decision" in " ".join(text.split())
    assert dataset[:11] in line("dataset", "list").out


def test_values_of_a_decision_are_explained_by_their_events(
    target: Target, dataset: str, line: Command, tmp_path: Path
) -> None:
    rows = stored(target, dataset, tmp_path).project("* EXCLUDE (decision_time)").filter("events_count > 1")
    decision, user, visit = rows.order("late_sum_n IS NULL, decision_id").fetchall()[0][:3]
    for feature in ("events_mean_x", "late_latest_s", "late_since", "share_of_x", "born"):
        found = answered(line, "dataset", "explain", dataset, decision, feature, "--near", "2")

        (value,) = rows.filter(f"decision_id = '{decision}'").project(feature).fetchall()[0]
        assert found["equal"] is True
        assert (found["value"] is None) == (value is None)
        for part in found.get("parts", [found]):
            assert part["counted"] == len(part["events"])
            assert sum(part["left_out"].values()) >= len(part["near"])
    count = answered(line, "dataset", "explain", dataset, decision, "events_count")
    assert count["value"] == count["counted"] == len(count["events"]) > 1
    assert all(count["counts_from"] <= event["event_time"] <= count["counts_until"] for event in count["events"])
    text = line("dataset", "explain", dataset, f"user={user},visit={visit}", "share_of_x").out
    assert "events_sum_x divided by events_sum_n" in " ".join(text.split())
    assert "events_sum_n =" in text
    assert "does not count" in " ".join(text.split())


def test_a_decision_is_named_by_as_few_keys_as_are_enough(
    target: Target, dataset: str, line: Command, tmp_path: Path
) -> None:
    rows = stored(target, dataset, tmp_path)
    alone = rows.aggregate("visit, count(DISTINCT decision_id) AS n, min(decision_id) AS id", "visit").filter("n = 1")
    several = rows.aggregate("user, count(DISTINCT decision_id) AS n", "user").filter("n > 1").order("user")
    visit, _, decision = alone.order("visit").fetchall()[0]
    user, number = several.fetchall()[0]

    found = answered(line, "dataset", "explain", dataset, f"visit={visit}", "age")
    refused = line("dataset", "explain", dataset, f"user={user}", "age")

    assert (found["decision_id"], found["keys"]["visit"]) == (decision, visit)
    said = " ".join(refused.err.split())
    assert refused.code == ExitCode.REFUSED
    assert f"{number} decisions have these keys; say which by its id, by more keys, or by its time (--at): d1-" in said
    assert f"(user={user},visit=" in said


def test_an_outcome_is_explained_by_the_events_within_its_horizon(
    world: ReleasedWorld, line: Command, target: Target, tmp_path: Path
) -> None:
    outcome = replace(world.line.outcome, source=EVENTS, by=(USER,), until=None, horizon=hours(8))
    world.release(replace(world.line, outcome=outcome))
    dataset = str(world.build(purpose="training")["dataset_id"])
    rows = stored(target, dataset, tmp_path)

    for came in (0, 1):
        (decision,) = rows.filter(f"came = {came}").order("decision_id").project("decision_id").fetchall()[0]
        found = answered(line, "dataset", "explain", dataset, decision, "came")

        assert (found["value"], found["equal"]) == (came, True)
        assert (found["counted"] > 0) == bool(came)
        assert all(found["counts_from"] <= one["event_time"] <= found["counts_until"] for one in found["events"])
        text = " ".join(line("dataset", "explain", dataset, decision, "came").out.split())
        assert "Outcome came: whether there are events of events within 8 hours" in text
        assert "Certain from" in text


REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("show", "nonsense"), "expected an id such as ds-"),
    (("show", "ds-00000000"), "there is no finished dataset 'ds-00000000'"),
    (("explain", "DATASET", "nobody", "age"), "expected a decision_id of it, or its keys such as user=...,visit=..."),
    (("explain", "DATASET", "user=nobody,visit=1", "age"), "is not in this dataset"),
    (("explain", "DATASET", "user=ada,town=B", "age"), "'town' is no key of it; expected some of user, visit"),
    (("explain", "DATASET", "user=ada,user=bob", "age"), "names a key twice; expected each key once"),
    (("explain", "DATASET", "user=ada,visit=1", "came"), "has no feature 'came'"),
    (("explain", "DATASET", "user=ada,visit=1", "nonsense"), "has no feature 'nonsense'; it has events_count"),
    (("diff", "DATASET", "ds-ffffffff"), "there is no finished dataset 'ds-ffffffff'"),
    (("list", "unknown_line"), "unknown_line"),
)


def test_wrong_questions_are_refused(dataset: str, line: Command, subtests: pytest.Subtests) -> None:
    for arguments, said in REFUSED:
        with subtests.test(" ".join(arguments)):
            answer = line("dataset", *(dataset if part == "DATASET" else part for part in arguments), "--json")

            assert answer.code == ExitCode.REFUSED, answer.err
            assert said in " ".join(answer.err.split())
            assert said in " ".join(json.loads(answer.out)["error"]["message"].split())


def test_a_dataset_is_repeated_from_what_it_was_built_from_whatever_came_later(
    target: Target, world: ReleasedWorld, dataset: str, line: Command
) -> None:
    world.load(seed=12)
    other = str(world.build()["dataset_id"])
    world.release(replace(world.line, features={"age": world.line.features["age"]}, training=training(world, "age")))

    found = answered(line, "dataset", "verify", dataset)
    apart = answered(line, "dataset", "diff", dataset, other)
    nothing = answered(line, "dataset", "diff", dataset, dataset)

    assert found["equal"] is True
    assert all(found["checks"].values())
    assert (found["values"], found["such_as"]) == ({}, [])
    assert found["rows"] > 10
    assert apart["request"] == {}
    assert apart["snapshots"]["events"]["objects_added"] > 0
    assert apart["only_in_first"]["decisions"] + apart["rows"]["common"] == apart["rows"]["first"]
    assert (nothing["values"], nothing["snapshots"], nothing["rows"]["common"]) == ({}, {}, nothing["rows"]["first"])
    assert "No value differs" in line("dataset", "diff", dataset, dataset).out
    lose(target, other, dataset)
    answer = line("dataset", "verify", other)
    assert answer.code == ExitCode.REFUSED
    assert "source people: " in answer.err


def lose(target: Target, dataset: str, kept: str) -> None:
    """Delete the people that a dataset was built from, in every version, and not those of the dataset to be kept."""
    gone, needed = (
        {(one["key"], one["version"]) for one in manifest_of(target, name)["snapshots"]["people"]["objects"]}
        for name in (dataset, kept)
    )
    assert gone.isdisjoint(needed)
    for key, version in gone:
        target.client("s3").delete_object(Bucket="lake", Key=key, VersionId=version)


def training(world: ReleasedWorld, baseline: str) -> Any:
    return replace(world.line.training, baseline=baseline)


@pytest.fixture
def altered(target: Target, dataset: str, tmp_path: Path) -> Iterator[str]:
    """The dataset while every one of its counts is greater by one."""
    key = target.store.key_of(manifest_of(target, dataset)["data_uri"])
    before, path = target.store.read(key), tmp_path / "altered.parquet"
    rows = stored(target, dataset, tmp_path)
    rows.project("* REPLACE (events_count + 1 AS events_count)").write_parquet(str(path))
    target.store.write(key, path.read_bytes())
    yield dataset
    target.store.write(key, before)


def test_a_dataset_that_was_altered_fails_with_the_values_named(altered: str, line: Command) -> None:
    answer = line("dataset", "verify", altered, "--json")

    assert answer.code == ExitCode.RUN_FAILED
    assert "values are equal" in answer.err
    found = json.loads(answer.out)
    assert found["checks"]["stored rows are those of the manifest"] is False
    assert found["values"]["events_count"] == {
        "differing": found["rows"], "null_only_in_recorded": 0, "null_only_in_recomputed": 0, "largest": 1.0,
    }  # fmt: skip
    first = found["such_as"][0]
    assert first["recorded"] == first["recomputed"] + 1
    explained = line("dataset", "explain", altered, first["decision_id"], "events_count")
    assert explained.code == ExitCode.RUN_FAILED
    assert "NOT EQUAL" in explained.out


def test_a_profile_is_written_to_the_file_asked_for(dataset: str, line: Command, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    found = answered(line, "dataset", "profile", dataset[:12], "--to", str(page))

    written = page.read_text(encoding="utf-8")
    assert (found["dataset_id"], found["page"]) == (dataset, str(page))
    assert dataset in written
    assert 'id="events_mean_x"' in written
    assert "how many of the user's events" in written.replace("&#x27;", "'")


def test_the_judgement_of_a_dataset_is_shown_whether_it_passed_or_not(
    world: ReleasedWorld, dataset: str, line: Command
) -> None:
    found = answered(line, "dataset", "quality", dataset[:12])
    world.release(replace(world.line, quality=(between("age", 500, 600),)))
    with pytest.raises(QualityGateFailed) as refusal:
        world.build(to="2017-11-05T12:00:00Z")
    refused = str(refusal.value).removeprefix("dataset ")[:35]

    answer = answered(line, "dataset", "quality", refused)

    assert (found["finished"], found["stopped_by"]) == (True, [])
    assert {one["rule"] for one in found["findings"]} >= {"row_count", "history", "freshness of events"}
    assert (answer["dataset_id"], answer["finished"], answer["stopped_by"]) == (refused, False, ["range of age"])
    (rule,) = [one for one in answer["findings"] if one["rule"] == "range of age"]
    assert all(row["decision_id"].startswith("d1-") and row["value"] < 500 for row in rule["examples"])
    text = " ".join(line("dataset", "quality", refused).out.split())
    assert "REFUSED" in text
    assert f"{rule['examples'][0]['decision_id']} age {rule['examples'][0]['value']}" in text
    assert answered(line, "dataset", "list") != []
    assert line("dataset", "quality", "no-such-run").code == ExitCode.REFUSED


def test_the_judgement_of_a_run_that_failed_is_found_by_its_name(
    target: Target, world: ReleasedWorld, line: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.release(replace(world.line, quality=(between("age", 500, 600),)))
    with pytest.raises(QualityGateFailed) as refusal:
        world.build(to="2017-11-05T11:00:00Z")
    arn = target.machines.start(target.named(DATASET.parameter), "small-world-dataset-1", {})
    # moto forgets the error of an execution that ended.
    ended = replace(target.machines.describe(arn), status="FAILED", error="QualityGateFailed", cause=str(refusal.value))
    monkeypatch.setattr("assembly_line.storage.services.machines.Machines.describe", lambda *_: ended)

    found = answered(line, "dataset", "quality", "small-world-dataset-1")

    assert found["dataset_id"] in str(refusal.value)
    assert found["stopped_by"] == ["range of age"]


def test_a_difference_says_what_changed_and_where(world: ReleasedWorld, dataset: str, line: Command) -> None:
    wider = total(EVENTS, "n", window=hours(36))
    changed = {**world.line.features, "events_sum_n": wider, "added": wider}
    changed.pop("late_since")
    world.release(replace(world.line, features=changed))
    other = str(world.build(to="2017-11-05T12:00:00Z")["dataset_id"])

    found = answered(line, "dataset", "diff", dataset, other)

    assert set(found["request"]) == {"to", "release"}
    assert (found["features"]["added"], found["features"]["removed"]) == (["added"], ["late_since"])
    assert found["features"]["redefined"]["events_sum_n"] == [
        "the sum of n of the user's events in the 1 day before the decision",
        "the sum of n of the user's events in the 36 hours before the decision",
    ]
    assert (found["declarations"], found["snapshots"]) == ({}, {})
    assert found["rows"]["second"] == found["rows"]["common"] <= found["rows"]["first"]
    assert set(found["values"]) == {"events_sum_n", "share_of_x"}
    assert "36 hours" in " ".join(line("dataset", "diff", dataset, other).out.split())


def test_a_finished_dataset_that_later_rules_refuse_is_shown_as_both() -> None:
    found = {"dataset_id": "ds-1", "line": "a_line", "finished": True, "findings": []}
    shown = []
    for stopped_by in ([], ["range of age"]):
        text = io.StringIO()
        draw_quality({**found, "stopped_by": stopped_by})(Console(width=120, file=text))
        shown.append(text.getvalue())

    assert "REFUSED" not in shown[0]
    assert "finished; REFUSED by the rules of a release that asked later" in shown[1]
