"""What `line diff` says of a changed line: its dataset and figures both ways, held against tables compared here."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line import notebook
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.views.changes import LONGEST, in_markdown
from assembly_line.loader import load_line
from assembly_line.scaffold import new_line

if TYPE_CHECKING:
    import pandas as pd

    from tests.unit.cli.conftest import Command

NAME = "churn"
TODAY = datetime.now(UTC).date()
AS_OF = f"{TODAY.isoformat()}T00:00:00Z"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of lines as they were."""
    lines = tmp_path_factory.mktemp("base") / "lines"
    new_line(lines, NAME, "classification", today=TODAY)
    # Fewer decisions and trees tell the same, and faster.
    edit(lines / NAME / "line.py", '"rounds": 100', '"rounds": 10')
    edit(lines / NAME / "data.py", "CUSTOMERS = 300", "CUSTOMERS = 80")
    return lines


@pytest.fixture
def lines(base: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(base, tmp_path / "lines"))


@pytest.fixture
def folders(base: Path, lines: Path) -> tuple[Path, Path]:
    return base, lines


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def found(line: Command, base: Path, lines: Path, *more: str) -> dict[str, Any]:
    answer = line("diff", NAME, "--lines", str(lines), "--against", str(base), "--as-of", AS_OF, *more, "--json")
    assert answer.code == ExitCode.OK, answer.err
    read: dict[str, Any] = json.loads(answer.out)
    return read


def frame(lines: Path, folder: Path) -> pd.DataFrame:
    """The dataset of the line, from tables of its own."""
    import runpy

    runpy.run_path(str(lines / NAME / "data.py"))["write_tables"](folder)
    built: pd.DataFrame = notebook.dataset(load_line(lines, NAME).line, folder, as_of=AS_OF).to_pandas()
    return built.set_index("decision_id")


def test_it_needs_no_aws_and_computes_nothing_unless_asked(line: Command, base: Path, lines: Path) -> None:
    edit(lines / NAME / "line.py", 'days(14)),\n        "visits_60d"', 'days(7)),\n        "visits_60d"')

    document = found(line, base, lines)

    assert [(one["name"], one["first"], one["second"]) for one in document["changes"]] == [
        ("features.visits_14d.window", "14 days, 0:00:00", "7 days, 0:00:00")
    ]
    assert "effects" not in document
    assert "stacks" not in document


def test_values_that_differ_are_counted_as_two_tables_differ(
    line: Command, base: Path, lines: Path, tmp_path: Path
) -> None:
    declaration = lines / NAME / "line.py"
    edit(declaration, '"visits_14d": count(VISITS, window=days(14))', '"visits_14d": count(VISITS, window=days(7))')
    edit(declaration, '        "region": static(CUSTOMERS, "region"),\n', "")
    edit(declaration, '"plan": static', '"days_since_any": since_last(VISITS),\n        "plan": static')
    edit(declaration, "days(60)),\n        # The tables", "days(30)),\n        # The tables")

    effects = found(line, base, lines, "--effects")["effects"]

    before, after = frame(base, tmp_path / "one"), frame(lines, tmp_path / "other")
    both = before.index.intersection(after.index)
    one, other = before.loc[both, "visits_14d"], after.loc[both, "visits_14d"]
    dataset = effects["dataset"]
    assert dataset["decisions"] == {"before": len(before), "after": len(after)}
    assert dataset["only"] == {"before": len(before) - len(both), "after": 0}
    assert dataset["only"]["before"] > 0
    assert dataset["columns"] | {"compared": 0} == {
        "gone": ["region"], "new": ["days_since_any"], "retyped": {}, "compared": 0
    }  # fmt: skip
    assert dataset["values"] == {"visits_14d": int((one != other).sum())}
    assert dataset["nulls"]["days_since_any"] == [None, int(after["days_since_any"].isna().sum())]
    assert effects["model"]["held_out"]["before"] > effects["model"]["held_out"]["after"]
    assert effects["model"]["differences"] == {}, "of other decisions"
    assert "may not compare" in in_markdown({**shown(("a", "b")), "effects": effects})


def test_a_script_alone_changes_the_figures_and_the_difference_is_of_the_same_decisions(
    line: Command, base: Path, lines: Path
) -> None:
    edit(
        lines / NAME / "train.py",
        '"learning_rate": arguments',
        '"subsample": 0.001,\n        "learning_rate": arguments',
    )

    document = found(line, base, lines, "--effects")

    assert [one["name"] for one in document["changes"]] == ["train.py"]
    assert document["effects"]["dataset"]["values"] == {}
    figures, apart = document["effects"]["model"]["figures"], document["effects"]["model"]["differences"]
    for name in ("auc", "log_loss"):
        change = figures[name]["after"]["value"] - figures[name]["before"]["value"]
        assert apart[name]["difference"] == pytest.approx(change)
    assert apart["auc"]["says"] == "worse"
    assert apart["auc"]["interval"][0] <= apart["auc"]["difference"] <= apart["auc"]["interval"][1] < 0


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("train.py", ("main() -> None:\n", "main() -> None:\n    raise KeyError('no')\n"), ("model", "KeyError: 'no'")),
        ("inference.py", ("def model_fn(", "def other_fn("), ("model", "the model could not be loaded")),
        ("line.py", ('name="churn_visits"', 'name="churn_calls"'), ("dataset", "churn_calls")),
    ],
)
def test_a_side_that_cannot_be_computed_says_why_and_the_other_is_shown(
    line: Command, folders: tuple[Path, Path], file: str, change: tuple[str, str], told: tuple[str, str]
) -> None:
    edit(folders[1] / NAME / file, *change)

    document = found(line, *folders, "--effects")

    part, why = told
    effects = document["effects"]
    assert why in effects[part]["missing"]["after"]
    assert "before" not in effects[part]["missing"]
    assert effects["model"]["figures"]["auc"]["before"]["value"] > 0.7
    assert f"Not computed as it is after the change: {effects[part]['missing']['after']}" in in_markdown(document)


def test_every_line_of_the_folder_is_told_also_what_is_new_and_what_is_gone(
    line: Command, base: Path, lines: Path
) -> None:
    (lines / NAME).rename(lines / "other")
    edit(lines / "other" / "line.py", f'name="{NAME}"', 'name="other"')

    answer = line("diff", "--lines", str(lines), "--against", str(base), "--markdown")

    assert answer.out == "## `other`\n\nThis line is new.\n\nLine `churn` is gone. `line remove churn` takes it away.\n"


def shown(*changes: tuple[str, str], stacks: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "line": NAME,
        "release": "0" * 64,
        "folder": "1" * 64,
        "changes": [{"step": "declaration", "name": "title", "first": one, "second": two} for one, two in changes],
        "consequences": [],
        **({} if stacks is None else {"stacks": stacks}),
    }


def test_what_somebody_declared_stays_text_in_the_comment() -> None:
    text = in_markdown(shown(("a", "x | y\n<img src=x> @team [a](b) `c`")))

    assert r"| title | a | x \| y \<img src=x\> \@team \[a\](b) \`c\` |" in text


def test_a_comment_is_never_longer_than_github_takes() -> None:
    stacks = {f"Stack{number}": "[+] AWS::SQS::Queue Q\n" * 3000 for number in range(5)}

    text = in_markdown(shown(("a", "b"), stacks=stacks))

    assert len(text) <= LONGEST
    assert text.count("<details>") == text.count("</details>") >= 1
    assert text.endswith("`line diff` shows the rest.\n")
