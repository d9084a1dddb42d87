"""Claims on datasets in the control table, taken by conditional writes: of two that want one, exactly one gets it."""

from __future__ import annotations

from assembly_line.features import Claim
from assembly_line.names import dataset_item
from assembly_line.storage.models.control_table import ControlTable


class DatasetClaims:
    def __init__(self, control: ControlTable) -> None:
        self._control = control

    def take(self, line: str, dataset_id: str, wanted: Claim) -> Claim | None:
        """Claim a dataset. None if it is the wanted holder's now, or was already; otherwise the claim that stands."""
        if self._control.add(line, dataset_item(dataset_id), wanted.to_json()):
            return None
        return self._other(line, dataset_id, wanted)

    def take_over(self, line: str, dataset_id: str, wanted: Claim, ended: Claim) -> Claim | None:
        """Replace the claim of a holder that has ended, unless another was quicker: then that one's claim."""
        item = dataset_item(dataset_id)
        if self._control.replace(line, item, wanted.to_json(), known=ended.to_json()):
            return None
        return self._other(line, dataset_id, wanted)

    def find(self, line: str, dataset_id: str) -> Claim | None:
        found = self._control.read(line, dataset_item(dataset_id))
        return None if found is None else Claim.from_json(found)

    def _other(self, line: str, dataset_id: str, wanted: Claim) -> Claim | None:
        standing = self.find(line, dataset_id)
        return None if standing is None or standing.holder == wanted.holder else standing
