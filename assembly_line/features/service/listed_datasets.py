"""The finished datasets of an account: which there are, and what one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound

if TYPE_CHECKING:
    from assembly_line.features.model.manifests import Manifest
    from assembly_line.storage import Account

KEPT = ("dataset_id", "line", "purpose", "as_of", "from", "to", "rows", "spine_rows", "positives", "created")

# The essentials of a manifest, however many features and objects it names.
SHOWN = (
    "dataset_id", "line", "purpose", "as_of", "from", "to", "release", "rows", "spine_rows", "positives", "excluded",
    "duplicates", "outcome", "keys", "logical_digest", "limitations", "engine", "data_uri", "manifest_uri", "created",
)  # fmt: skip


def listed(account: Account, line: str | None = None) -> list[dict[str, Any]]:
    """The essentials of each, the newest first, as JSON values.

    Args:
        line: only its datasets; None for those of every line.

    Raises:
        NotFound: the line was never released.
    """
    if line is not None:
        account.control.current_release(line)
    return [
        {
            **_chosen(one.manifest, KEPT),
            "features": len(one.manifest.features),
            "sampled": bool(one.manifest.sampling),
            "engine": one.manifest.engine.name,
        }
        for one in account.finished_datasets.of(account.control.lines() if line is None else [line])
    ]


def shown(account: Account, line: str, dataset_id: str) -> dict[str, Any]:
    """The essentials of a manifest.

    Raises:
        NotFound: the line was never released, or has no such dataset.
    """
    account.control.current_release(line)
    manifest = account.datasets.find_manifest(line, dataset_id)
    if manifest is None:
        raise NotFound(
            f"line {line!r} has no finished dataset {dataset_id!r}; `line dataset build` makes one",
            where="dataset",
            value=repr(dataset_id),
            expected=f"a finished dataset of line {line}",
        )
    return {**_chosen(manifest, SHOWN), "features": [feature.name for feature in manifest.features]}


def _chosen(manifest: Manifest, names: tuple[str, ...]) -> dict[str, Any]:
    document = manifest.to_json()
    return {name: document[name] for name in names}
