"""A recorded dataset brought to this machine: its manifest, its plan, its rows, and what it was built from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.manifests import Manifest
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.snapshots import SnapshotObject

if TYPE_CHECKING:
    from assembly_line.features.values.columns import Column
    from assembly_line.storage import Account


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One finished dataset, and a folder of this machine that is there as long as it is looked at."""

    manifest: Manifest
    plan: Plan
    folder: Path
    account: Account

    def columns(self) -> dict[str, Column]:
        """The dataset's rows as they are stored."""
        path = self.folder / "recorded.parquet"
        self.account.datasets.download(self.plan.line.name, self.plan.dataset_id, path)
        return read_dataset(path)

    def scripts(self) -> dict[str, bytes]:
        """The scripts of the UDFs among the features, as they were released.

        Raises:
            NotFound: one of them is gone or altered.
        """
        return self.account.releases.read_scripts(self.plan.release, self.plan.scripts)

    def files(self, source: str, chosen: Callable[[SnapshotObject], bool] = lambda _: True) -> list[Path]:
        """The objects of a source in the versions that the dataset was built from, copied here.

        Raises:
            SourceUnreadable: one of them is gone.
        """
        objects = [item for item in self.plan.inputs[source].objects if chosen(item)]
        return self.account.lake.fetch_objects(source, objects, self.folder)


@contextmanager
def opened(account: Account, text: str) -> Iterator[Recorded]:
    """The dataset of that id, or whose id begins so.

    Raises:
        NotFound: there is none.
        RequestRefused: the text is no id, or several begin so.
    """
    found = account.finished_datasets.find(text, account.control.lines())
    with tempfile.TemporaryDirectory(prefix="line-dataset-") as folder:
        yield Recorded(
            manifest=found.manifest,
            plan=account.finished_datasets.plan(found),
            folder=Path(folder),
            account=account,
        )
