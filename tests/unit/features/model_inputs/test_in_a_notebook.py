"""Model inputs in a notebook are those that the machine writes, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from assembly_line import notebook
from assembly_line.errors import RequestRefused
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model_inputs.facts import Facts
from assembly_line.features.model_inputs.preparing import prepare_inputs
from assembly_line.features.model_inputs.preprocessing import apply
from tests.unit.features.model_inputs.invented import spec, values_of
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import a_line, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::assembly_line.notebook.QualityWarning")


def test_a_notebook_gets_what_the_machine_writes(tmp_path: Path) -> None:
    line, tables = a_line(), dict(random_world(11))
    tables["invited"] = [row for row in tables["invited"] if None not in (row["user"], row["visit"])]
    for name, source in line.sources.items():
        write_rows(source, tables[name], tmp_path / f"{name}.parquet")
    table = notebook.dataset(line, tmp_path, as_of="2018-01-01")
    pq.write_table(table, tmp_path / "data.parquet")
    columns = read_dataset(tmp_path / "data.parquet")
    facts = Facts(
        line=line.name,
        dataset_id="ds",
        logical_digest="",
        as_of="",
        rows=table.num_rows,
        keys=tuple(line.decision.keys),
        features=tuple(line.features),
        outcome=line.outcome.name,
        kind="binary",
        present=line.outcome.present,
    )
    model = {"type": "linear", "split": {"holdout": 0.5}}

    (fold,) = notebook.model_inputs(line, table, model)
    (expected,) = prepare_inputs(columns, facts, spec(**model)).folds

    assert fold.record == expected.record
    for part in expected.parts:
        found = fold.parts[part.name]
        assert found.ids.column("decision_id").to_pylist() == values_of(part.ids["decision_id"])
        assert found.table.to_pydict() == {name: values_of(column) for name, column in part.columns.items()}
        assert found.targets[:, 0].tolist() == values_of(part.columns[line.outcome.name])
        ids = columns["decision_id"].values.tolist()
        rows = np.array([ids.index(name) for name in found.ids.column("decision_id").to_pylist()])
        again = apply(fold.fitted, {name: columns[name].take(rows) for name in line.features})
        for place, (name, values) in enumerate(again.items()):
            assert found.features[:, place].tolist() == values.tolist(), name
    with pytest.raises(RequestRefused, match=r"model\.split\.holdout: 2"):
        notebook.model_inputs(line, table, {"type": "linear", "split": {"holdout": 2}})
