"""From a request as it came to a plan: the release that it names, the snapshots that are in force now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.features.model.plans import Plan
from assembly_line.features.model.snapshots import Snapshot
from assembly_line.features.planning.forecast import Machinery, forecast
from assembly_line.features.planning.planning import make_plan, needed_sources
from assembly_line.requests import DatasetRequest
from assembly_line.storage import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and the whole snapshots of which it reads a part."""

    plan: Plan
    snapshots: dict[str, Snapshot]


def resolve(account: Account, request: DatasetRequest, *, memory_mib: int) -> Planned:
    """Resolve a request; nothing is written.

    Raises:
        NotFound: the line was never released, or a source never loaded.
        RequestRefused: the request names what the line does not have.
    """
    release = account.released.release(request.line, request.release)
    names = needed_sources(release.line, request)
    snapshots = {name: account.lake.snapshot(name) for name in names}
    plan = make_plan(
        request,
        release.line,
        release=release.digest,
        snapshots=snapshots,
        memory_mib=memory_mib,
        scripts=release.script_digests,
    )
    return Planned(plan=plan, snapshots=snapshots)


def forecast_of(account: Account, request: DatasetRequest, machinery: Machinery) -> dict[str, Any]:
    """What a request would read, build and cost, as JSON values. Nothing is written.

    Raises:
        NotFound, RequestRefused: as `resolve` does.
    """
    resolved = resolve(account, request, memory_mib=machinery.memory_mib)
    found = account.datasets.find_manifest(resolved.plan.line.name, resolved.plan.dataset_id)
    created = None if found is None else found.created
    return forecast(resolved.plan, resolved.snapshots, machinery, created=created)
