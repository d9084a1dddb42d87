"""Commands use what was released: where the folder says otherwise by now, they say so."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.instants import format_instant
from assembly_line.loader import load_line
from assembly_line.names import ControlKey, Parameter, dataset_prefix, parameter_name
from tests.manifests import a_manifest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

LINE = "coupon_redemption"
SHIPPED = Path(__file__).parents[3] / "lines"
USING = (
    ("train", LINE),
    ("dataset", "build", LINE, "--as-of", "2017-07-01", "--no-wait"),
    ("score", LINE, "--date", "2017-07-12"),
    ("outcomes", LINE, "--as-of", "2018-01-02", "--no-wait"),
    ("features", "list", LINE),
    ("features", "publish", LINE, "--no-wait"),
)


@pytest.fixture
def folder(target: Target, line: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a released line."""
    shutil.copytree(SHIPPED / LINE, tmp_path / "lines" / LINE)
    monkeypatch.chdir(tmp_path)
    assert line("release", LINE).code == ExitCode.OK
    return tmp_path / "lines" / LINE


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize("command", USING, ids=" ".join)
def test_a_command_says_that_the_line_was_edited_since(
    target: Target, folder: Path, line: Command, command: tuple[str, ...]
) -> None:
    released = target.control.current_release(LINE)[:12]
    assert "in force" not in line(*command).err

    edit(folder / "line.py", "LINE = Line(", "print('loading')\nLINE = Line(")
    assert "in force" not in line(*command).err, "the declaration is the same"

    edit(folder / "line.py", 'owner="', 'owner="new-')
    said = line(*command)
    assert f"lines/{LINE}/line.py differs from release {released}" in said.err
    assert f"`line release {LINE}` publishes it" in said.err
    assert "loading" not in said.out


def test_an_edited_script_is_named_and_one_that_is_released_again_is_not(folder: Path, line: Command) -> None:
    edit(folder / "train.py", "import", "# why\nimport")
    assert f"lines/{LINE}/train.py differs from release" in line(*USING[4]).err
    line("release", LINE)
    assert "in force" not in line(*USING[4]).err


def test_what_a_line_takes_from_shared_is_looked_at_too(folder: Path, line: Command) -> None:
    shared = folder.parent / "shared"
    shared.mkdir()
    (shared / "people.py").write_text("OWNER = 'data-team'\n", encoding="utf-8")
    edit(folder / "line.py", "LINE = Line(", "from lines.shared.people import OWNER\nLINE = Line(")
    edit(folder / "line.py", 'owner="', 'owner=OWNER + "')
    line("release", LINE)
    assert "in force" not in line(*USING[4]).err

    edit(shared / "people.py", "data", "other")
    assert f"lines/{LINE}/line.py differs from release" in line(*USING[4]).err


def test_a_file_that_a_line_reads_and_a_folder_behind_a_link_are_looked_at_too(folder: Path, line: Command) -> None:
    (folder / "owner.json").write_text('"data-team"', encoding="utf-8")
    read = "import json, pathlib\nOWNER = json.loads(pathlib.Path(__file__).with_name('owner.json').read_text())\n"
    edit(folder / "line.py", "LINE = Line(", f"{read}LINE = Line(")
    edit(folder / "line.py", 'owner="', 'owner=OWNER + "')
    elsewhere = folder.rename(folder.parents[1] / LINE)
    folder.symlink_to(elsewhere)
    line("release", LINE)
    assert "in force" not in line(*USING[4]).err

    edit(elsewhere / "owner.json", "data", "other")
    assert f"lines/{LINE}/line.py differs from release" in line(*USING[4]).err


def test_an_unchanged_line_is_not_run_again(folder: Path, line: Command) -> None:
    """Running a line.py takes longer than all else that a status does."""
    edit(folder / "line.py", "LINE = Line(", "print('loading')\nLINE = Line(")
    line("release", LINE)
    assert "loading" not in line("status").err
    (folder / "notes.py").write_text("", encoding="utf-8")
    assert "loading" in line("status").err


def test_a_policy_that_changed_needs_a_new_version_whatever_changed(
    target: Target, folder: Path, line: Command, subtests: pytest.Subtests
) -> None:
    """The ledger keeps the version beside each action, so two policies under one could never be told apart."""
    before, declared = target.control.current_release(LINE), (folder / "line.py").read_text(encoding="utf-8")
    policy = load_line(folder.parent, LINE).line.policy
    changes = {"capacity": 0.5, "exploration": 0.5, "expires_after": timedelta(days=2), "values": {policy.act: 7.0}}
    for name, value in changes.items():
        with subtests.test(name):
            changed = f"replace(LINE, policy=replace(LINE.policy, {name}={value!r}))"
            text = f"{declared}\nimport datetime\nfrom dataclasses import replace\nLINE = {changed}\n"
            (folder / "line.py").write_text(text, encoding="utf-8")
            said = line("release", LINE)
            assert (said.code, target.control.current_release(LINE)) == (ExitCode.REFUSED, before)
            assert f"has {name}={value!r}, and was released with {name}={getattr(policy, name)!r}" in said.err
            assert f"a higher version for another policy, such as {policy.version + 1}" in said.err

            higher = text + f"LINE = replace(LINE, policy=replace(LINE.policy, version={policy.version + 1}))\n"
            (folder / "line.py").write_text(higher, encoding="utf-8")
            assert line("release", LINE).code == ExitCode.OK
            target.control.set_current_release(LINE, before)


def test_a_line_that_does_not_load_stops_no_command(target: Target, folder: Path, line: Command) -> None:
    (folder / "line.py").write_text("LINE = Lyne()", encoding="utf-8")

    said = line(*USING[1])

    assert said.code == ExitCode.OK
    (told,) = [text for text in said.err.splitlines() if "Lyne" in text]
    assert told.endswith(f"Release {target.control.current_release(LINE)[:12]} is in force.")


def test_the_status_shows_what_was_edited(folder: Path, line: Command) -> None:
    assert "Edited" not in line("status").out
    edit(folder / "line.py", 'owner="', 'owner="new-')
    assert "Edited since" in line("status").out


def test_training_before_loading_is_refused_before_it_starts(folder: Path, line: Command) -> None:
    """A run that begins and fails would be booked as failed work."""
    name = parameter_name("dev", Parameter.API_URL)
    boto3.client("ssm").put_parameter(Name=name, Value="https://api.invalid", Type="String")
    said = line("train", LINE)
    assert said.code == ExitCode.REFUSED
    assert "never loaded: " in said.err
    assert f"run `line sources load {LINE}`" in said.err


def test_the_status_says_how_old_the_model_is_and_when_the_line_looks_next(
    target: Target, folder: Path, line: Command
) -> None:
    known = datetime.now(UTC) - timedelta(days=40, hours=1)
    manifest = a_manifest(dataset_id="d" * 64, line=LINE, as_of=format_instant(known))
    target.store.write_json(f"{dataset_prefix(LINE, 'd' * 64)}manifest.json", manifest.to_json())
    champion = {"run_id": "first", "line": LINE, "dataset_id": "d" * 64, "promoted_at": format_instant(known)}
    target.control.write(LINE, ControlKey.CHAMPION, champion)
    by_hand = json.loads(line("status", "--json").out)["lines"][0]["model"]
    assert (by_hand["days"], by_hand["limit_days"], by_hand["next_look"], by_hand["due"]) == (40, None, None, False)
    assert "trained again by hand" in " ".join(line("status").out.split())

    edit(folder / "line.py", "LINE = Line(", "from assembly_line import Refresh\nLINE = Line(")
    declared = 'refresh=Refresh(at="daily at 05:00", model_age=timedelta(days=40)),'
    edit(folder / "line.py", 'owner="', f'{declared}\n    owner="')
    line("release", LINE)

    model = json.loads(line("status", "--json").out)["lines"][0]["model"]
    assert (model["known"], model["due"], model["limit_days"]) == (format_instant(known), True, 40)
    assert model["next_look"].endswith("T05:00:00.000000Z")
    said = " ".join(line("status").out.split())
    assert f"at {model['next_look']} it is trained again if it is older than 40 days" in said


def test_a_difference_is_told_part_by_part_with_what_follows_of_it(folder: Path, line: Command) -> None:
    assert "says what release" in line("diff", LINE).out
    edit(
        folder / "line.py",
        'total(TRANSACTIONS, "sales_value", window=days(30))',
        'total(TRANSACTIONS, "sales_value", window=days(31))',
    )
    edit(folder / "line.py", "capacity=0.2", "capacity=0.3")
    edit(folder / "train.py", "import", "# why\nimport")

    found = json.loads(line("diff", LINE, "--json").out)

    told = {(one["step"], one["name"]): (one["first"], one["second"]) for one in found["changes"]}
    assert told[("declaration", "features.spend_30d.window")] == ("30 days, 0:00:00", "31 days, 0:00:00")
    assert told[("declaration", "policy.capacity")] == (0.2, 0.3)
    assert ("script", "train.py") in told
    assert len(told) == 3
    assert [sentence.split(":")[0] for sentence in found["consequences"]] == [
        "New datasets have another id, and other rows or columns. Datasets that are there stay as they are.",
        "The champion goes on deciding by its own release, until a run of the new one is approved.",
        "The policy changed and is version 1 still",
    ]
    assert found["release"] != found["folder"]


@pytest.mark.parametrize(
    ("before", "after", "follows"),
    [
        ('owner="', 'owner="new-', []),
        ('subscribers=("', 'subscribers=("other", "', ["The line's stack changes"]),
        (
            'framework="xgboost",\n        framework_version="3.2-0",',
            f'image="123456789012.dkr.ecr.us-east-1.amazonaws.com/own@sha256:{"0" * 64}",',
            ["The champion goes on deciding by its own release", "The line's stack changes"],
        ),
        ("        version=1,", "        version=2,", ["New decisions follow version 2 of the policy."]),
        (
            'until=static(CAMPAIGNS, "end_date")',
            "horizon=days(28)",
            ["New datasets have another id", "The champion may answer another question."],
        ),
    ],
)
def test_what_follows_depends_on_what_differs(
    folder: Path, line: Command, before: str, after: str, follows: list[str]
) -> None:
    edit(folder / "line.py", before, after)
    answer = line("diff", LINE, "--json")
    assert answer.code == ExitCode.OK, answer.err
    said = json.loads(answer.out)["consequences"]
    assert len(said) == len(follows)
    assert all(one.startswith(other) for one, other in zip(said, follows, strict=True))


def test_a_release_is_kept_with_who_released_it(folder: Path, target: Target) -> None:
    assert target.control.released_by(LINE) == target.caller()
    assert target.caller().startswith("arn:")
