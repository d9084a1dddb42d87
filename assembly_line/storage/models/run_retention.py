"""Lets old runs go: packages, models, files, and the packets of their reviews.

In order, so that a round that was killed anywhere goes on with the next: the record is hidden, so that nobody can refer
to the run any more. The references are looked up again. A run that somebody referred to meanwhile comes back as it was.
Of another one it is written that it has expired, and only then anything is deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from assembly_line.instants import format_instant, parse_instant
from assembly_line.names import expired_item, review_item, run_prefix, scoring_prefix
from assembly_line.storage.ledger.scoring_runs import ScoringRun
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.registry import ModelRegistry
from assembly_line.storage.models.runs import PACKAGE, RECORD
from assembly_line.storage.services.objects import ObjectStore, StoredVersion
from assembly_line.training import RunVerdict, StoredRun, judge_runs

References = Callable[[Collection[str]], Mapping[str, Sequence[str]]]
UNSENT = "it holds messages that could not be sent"


class RunRetention:
    """The runs of one line.

    Args:
        references: looks up what refers to runs of these ids, now.
    """

    def __init__(
        self, store: ObjectStore, control: ControlTable, registry: ModelRegistry, line: str, references: References
    ) -> None:
        self._store, self._control, self._registry = store, control, registry
        self._line, self._references = line, references

    def plan(self, *, cutoff: datetime, keep_last: int) -> list[RunVerdict]:
        """Decide, and change nothing."""
        found = self._found()
        return judge_runs(found, self._looked_up(found), cutoff=cutoff, keep_last=keep_last)

    def carry_out(self, *, cutoff: datetime, keep_last: int) -> list[RunVerdict]:
        """Decide, and let go."""
        self._bring_back()
        found = self._found()
        before = self._looked_up(found)
        going = _going(judge_runs(found, before, cutoff=cutoff, keep_last=keep_last))
        hidden = {
            run.run_id: self._store.hide(self._record(run.run_id))
            for run in found
            if run.run_id in going and run.trained and not run.expired
        }
        # Whoever referred to one of them before its record was hidden has left a trace by now.
        # What a run refers to whose record is hidden now was seen before.
        after = self._looked_up(found)
        named = {run: [*dict.fromkeys([*before.get(run, ()), *after.get(run, ())])] for run in {*before, *after}}
        verdicts = judge_runs(found, named, cutoff=cutoff, keep_last=keep_last)
        still = _going(verdicts)
        self._store.delete_versions(marker for run_id, marker in hidden.items() if run_id not in still)
        for run in found:
            if run.run_id in going & still:
                self._let_go(run)
        return verdicts

    def _let_go(self, run: StoredRun) -> None:
        if run.kind == "training":
            now = format_instant(datetime.now(UTC))
            self._control.add(self._line, expired_item(run.run_id), {"run_id": run.run_id, "expired_at": now})
            for name in self._models(run.run_id):
                self._registry.discard_model(name)
            self._registry.discard_package(run.run_id)
        prefix = run_prefix if run.kind == "training" else scoring_prefix
        versions = self._store.versions(prefix(self._line, run.run_id))
        # Markers last: without its marker a record that is still there could be read again.
        self._store.delete_versions(sorted(versions, key=lambda one: one.marker))
        if run.kind == "training":
            self._drop_packet(run.run_id)

    def _drop_packet(self, run_id: str) -> None:
        """The judgement stays: who, when, why, and the digest of what was judged."""
        review = self._control.read(self._line, review_item(run_id))
        if review is not None and review.get("packet"):
            self._control.replace(self._line, review_item(run_id), {**review, "packet": {}}, known=review)

    def _bring_back(self) -> None:
        """Records that a killed round hid, before it knew that their runs go."""
        expired = self._expired()
        for run_id, versions in self._folders(run_prefix(self._line, "")).items():
            record = self._record(run_id)
            marker = next((one for one in versions if one.key == record and one.latest and one.marker), None)
            if marker is not None and run_id not in expired:
                self._store.delete_versions([marker])

    def _looked_up(self, found: Sequence[StoredRun]) -> dict[str, Sequence[str]]:
        references = dict(self._references([run.run_id for run in found]))
        for run in found:
            if run.kind == "scoring" and ScoringRun(self._store, self._line, run.run_id).has_open_dead_letters():
                references[run.run_id] = [*references.get(run.run_id, ()), UNSENT]
        return references

    def _found(self) -> list[StoredRun]:
        return [*self._trained(), *self._scored()]

    def _trained(self) -> Iterator[StoredRun]:
        expired, folders = self._expired(), self._folders(run_prefix(self._line, ""))
        noted = self._noted()
        for run_id in sorted({*folders, *noted}):
            versions = folders.get(run_id, [])
            left = bool(versions) or bool(noted.get(run_id, (None, False))[1])
            if run_id in expired and not left:
                continue
            written = [one.modified for one in versions if not one.marker]
            if run_id in noted:
                written.append(noted[run_id][0])
            record = self._record(run_id)
            yield StoredRun(
                run_id=run_id,
                kind="training",
                trained=any(one.key == record and one.visible for one in versions),
                used=max(written, default=datetime.now(UTC)),
                bytes=sum(one.size for one in versions),
                expired=run_id in expired,
            )

    def _scored(self) -> Iterator[StoredRun]:
        for run_id, versions in self._folders(scoring_prefix(self._line, "")).items():
            yield StoredRun(
                run_id=run_id,
                kind="scoring",
                trained=False,
                used=max((one.modified for one in versions if not one.marker), default=datetime.now(UTC)),
                bytes=sum(one.size for one in versions),
            )

    def _noted(self) -> dict[str, tuple[datetime, bool]]:
        """Run -> when the control table was last told of it, and whether the table holds its review's packet."""
        noted: dict[str, tuple[datetime, bool]] = {}
        for run in self._control.runs(self._line):
            noted[run["run_id"]] = (parse_instant(run["requested_at"], field="requested_at"), False)
        for review in self._control.reviews(self._line):
            at = parse_instant(review.get("decided_at") or review["opened_at"], field="opened_at")
            before = noted.get(review["run_id"], (at, False))[0]
            noted[review["run_id"]] = (max(at, before), bool(review.get("packet")))
        return noted

    def _expired(self) -> set[str]:
        return {one["run_id"] for one in self._control.expired(self._line)}

    def _folders(self, prefix: str) -> dict[str, list[StoredVersion]]:
        """Run id -> every version of every object below it."""
        # The prefix of no run is the folder of all: `runs/<line>//`.
        folder = prefix.removesuffix("/")
        found: dict[str, list[StoredVersion]] = defaultdict(list)
        for one in self._store.versions(folder):
            found[one.key.removeprefix(folder).partition("/")[0]].append(one)
        return dict(found)

    def _models(self, run_id: str) -> Iterator[str]:
        """Names of the SageMaker models of its fits."""
        for one in list(self._store.list(run_prefix(self._line, run_id))):
            if one.key.rpartition("/")[2] == PACKAGE:
                yield str(self._store.read_json(one.key)["model_name"])

    def _record(self, run_id: str) -> str:
        return run_prefix(self._line, run_id) + RECORD


def _going(verdicts: Iterable[RunVerdict]) -> set[str]:
    return {verdict.run.run_id for verdict in verdicts if not verdict.kept}
