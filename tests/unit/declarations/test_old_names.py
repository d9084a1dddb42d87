"""Names of before the field words: they work for one more release and say what they are called now."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import assembly_line
from assembly_line import notebook
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.faces import offered
from assembly_line.loader import load_line
from tests.unit.features.udf_world import with_udfs

LINES = Path(__file__).parents[3] / "lines"
RENAMED = {"attribute": "static", "deviation": "stddev", "fact": "slowly_changing", "own": "udf"}


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_word_is_the_new_one_with_a_warning(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"assembly_line\.{old} is now assembly_line\.{new};"):
        found = getattr(assembly_line, old)

    assert found is getattr(assembly_line, new)
    assert old not in offered("assembly_line")


def test_the_old_name_of_model_inputs_in_a_notebook_works_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"notebook\.shaped is now assembly_line\.notebook\.model_inputs;"):
        assert notebook.shaped is notebook.model_inputs
    with pytest.raises(AttributeError, match="no attribute 'shape'"):
        notebook.shape  # noqa: B018


def test_who_loads_a_line_with_old_words_is_told_even_where_python_hides_it(tmp_path: Path) -> None:
    text = (LINES / "coupon_redemption" / "line.py").read_text()
    folder = tmp_path / "coupon_redemption"
    folder.mkdir()
    (folder / "line.py").write_text(text.replace("    static,\n", "    attribute as static,\n"))
    for script in ("train.py", "inference.py"):
        (folder / script).write_text("")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        line = load_line(tmp_path, "coupon_redemption").line

    assert {str(one.message) for one in told} == {
        "assembly_line.attribute is now assembly_line.static; the next release drops the old name"
    }
    assert Path(told[0].filename) == folder / "line.py"
    assert line == load_line(LINES, "coupon_redemption").line


def test_releases_and_so_the_ids_of_datasets_keep_the_words_of_before() -> None:
    line = with_udfs()
    document = line_to_json(line)

    kinds = {name: feature["$kind"] for name, feature in document["line"]["features"]["$pairs"]}

    assert (kinds["kind"], kinds["events_faded"]) == ("Attribute", "OwnFunction")
    assert line_from_json(document) == line
