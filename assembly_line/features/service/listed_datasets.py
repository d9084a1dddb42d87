"""The finished datasets of an account: which there are, and what one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound
from assembly_line.names import dataset_prefix

if TYPE_CHECKING:
    from assembly_line.storage.account import Account

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
            **{name: one.manifest[name] for name in KEPT},
            "features": len(one.manifest["features"]),
            "sampled": bool(one.manifest.get("sampling")),
            "engine": one.manifest["engine"]["name"],
        }
        for one in account.finished_datasets.of(account.control.lines() if line is None else [line])
    ]


def shown(account: Account, line: str, dataset_id: str) -> dict[str, Any]:
    """The essentials of a manifest.

    Raises:
        NotFound: the line was never released, or has no such dataset.
    """
    account.control.current_release(line)
    try:
        manifest = account.store.read_json(f"{dataset_prefix(line, dataset_id)}manifest.json")
    except NotFound as error:
        raise NotFound(
            f"line {line!r} has no finished dataset {dataset_id!r}; `line dataset build` makes one"
        ) from error
    features = [feature["name"] for feature in manifest["features"]]
    return {**{name: manifest[name] for name in SHOWN}, "features": features}
