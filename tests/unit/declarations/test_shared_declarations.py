"""What several lines declare alike stands once, in lines/shared; each release carries all that it needs of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assembly_line.errors import DeclarationError
from assembly_line.features.wording.feature_listing import Users
from assembly_line.features.wording.wording import in_words
from assembly_line.loader import load_line, load_lines

PROJECT = Path(__file__).parents[3]
SHARED = """
from datetime import timedelta

from assembly_line import Entity, Source, days, expression, total, udf

SHOP = Entity("shop", keys={"shop": "int64"})
SALES = Source(
    name="sales",
    entities=(SHOP,),
    columns={"shop": "int64", "sold_at": "timestamp", "amount": "float64"},
    event_time="sold_at",
    delay=timedelta(0),
    zone="UTC",
)
SPENDING = {
    "sales_7d": total(SALES, "amount", window=days(7)),
    "sales_28d": total(SALES, "amount", window=days(28)),
    "rise": expression("sales_7d / (sales_28d / 4)"),
    "rhythm": udf(SALES, "rhythm", columns=("amount",), returns="float64", window=days(28), script="rhythms.py"),
}
"""
LINE = """
from datetime import timedelta

from assembly_line import Decision, Delivery, Line, Outcome, Policy, Source, Training, count, days, static
from lines.shared.retail import SALES, SHOP, SPENDING

PLAN = Source(
    name="plan", entities=(SHOP,), columns={{"shop": "int64", "day": "date"}}, static=True, zone="UTC"
)
LINE = Line(
    name="{name}",
    title="A line",
    owner="tests",
    decision=Decision(name="order", entities=(SHOP,), spine=PLAN, time=static(PLAN, "day")),
    features={{"{name}_count": count(SALES, window=days(7)), **SPENDING}},
    outcome=Outcome(name="sold_out", source=SALES, by=(SHOP,), horizon=days(7)),
    training=Training(framework_version="3.2-0", baseline="sales_7d"),
    policy=Policy(version=1, act="order", otherwise="wait", capacity=0.5, expires_after=days(1)),
    delivery=Delivery(subscribers=("planner",)),
)
"""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    folder = tmp_path / "declared"
    (folder / "shared").mkdir(parents=True)
    (folder / "shared" / "retail.py").write_text(SHARED)
    (folder / "shared" / "rhythms.py").write_text("def rhythm(events): ...\n")
    for name in ("ordering", "pricing"):
        (folder / name).mkdir()
        (folder / name / "line.py").write_text(LINE.format(name=name))
        for script in ("train.py", "inference.py"):
            (folder / name / script).write_text("")
    return folder


def test_lines_share_sources_features_and_scripts(lines: Path) -> None:
    found = load_lines(lines)
    declared = {name: release.line for name, release in found.items()}

    assert list(declared) == ["ordering", "pricing"]
    assert declared["ordering"].sources["sales"] == declared["pricing"].sources["sales"]
    assert found["pricing"].scripts["rhythms.py"] == b"def rhythm(events): ...\n"
    for name in ("sales_7d", "rise", "rhythm"):
        assert Users(declared).of(declared["ordering"], name) == {"ordering": name, "pricing": name}
    assert list(Users({"ordering": declared["ordering"]}).of(declared["ordering"], "rise")) == ["ordering"]


def test_a_change_of_what_is_shared_is_a_change_of_every_line_that_uses_it(lines: Path) -> None:
    before = {name: release.digest for name, release in load_lines(lines).items()}

    (lines / "shared" / "rhythms.py").write_text("def rhythm(events):\n    return None\n")
    (lines / "shared" / "unused.py").write_text("")
    after = {name: release.digest for name, release in load_lines(lines).items()}

    assert all(before[name] != after[name] for name in before)


def test_the_folder_that_was_asked_for_is_the_one_that_is_read(lines: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "shared").mkdir(parents=True)
    (other / "shared" / "retail.py").write_text(SHARED.replace("days(7)", "days(9)"))
    (other / "shared" / "rhythms.py").write_text("def rhythm(events): ...\n")
    (lines / "ordering").rename(other / "ordering")
    known = {name for name in sys.modules if name.startswith("lines")}

    here, there = load_line(lines, "pricing").line, load_line(other, "ordering").line

    assert in_words(here, "sales_7d").endswith("in the 7 days before the decision")
    assert in_words(there, "sales_7d").endswith("in the 9 days before the decision")
    assert {name for name in sys.modules if name.startswith("lines")} == known


def test_it_works_from_any_working_directory(lines: Path, tmp_path: Path) -> None:
    program = (
        "import pathlib; from assembly_line.loader import load_lines; print(*load_lines(pathlib.Path('declared')))"
    )
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}

    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == ["ordering", "pricing"]


def test_a_script_that_is_there_twice_is_refused(lines: Path) -> None:
    (lines / "pricing" / "rhythms.py").write_text("def rhythm(events): ...\n")

    with pytest.raises(DeclarationError, match=r"script 'rhythms.py' is there twice"):
        load_line(lines, "pricing")


def test_a_shared_module_that_is_not_there_is_named(lines: Path) -> None:
    (lines / "shared" / "retail.py").unlink()

    with pytest.raises(
        DeclarationError, match=r"line.py: does not import: ModuleNotFoundError: No module named 'lines"
    ):
        load_line(lines, "pricing")
