"""Trying features in a notebook: a dataset in one call from local tables, by the engine that the line itself uses."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assembly_line.canonical import digest, digest_bytes
from assembly_line.connectors.local_sources import Given, typed_sources
from assembly_line.declarations.codec import line_to_json
from assembly_line.declarations.features import Feature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT, Outcome
from assembly_line.declarations.typed import typed_request
from assembly_line.documents import LIST, OBJECT, TEXT, TEXT_OR_NULL, WHOLE, Allowed, Record, parse_document, record_of
from assembly_line.errors import FeatureFunctionFailed, RequestRefused, SourceUnreadable
from assembly_line.features import (
    DECISION_ID,
    DECISION_TIME,
    ArrowFold,
    Facts,
    arrow_columns_of,
    arrow_fold,
    audit_knowledge,
    build_on_duckdb,
    check_model_spec,
    examine,
    kind_of_outcome,
    logical_digest,
    make_plan,
    needed_sources,
    page_of_notebook,
    prepare_inputs,
    read_dataset,
    resolved_features,
    workload_of,
)
from assembly_line.instants import format_instant, parse_instant
from assembly_line.model_types import ModelSpec
from assembly_line.requests import DatasetRequest

if TYPE_CHECKING:
    from pyarrow import Table

    from assembly_line.features import Built, Column, Finding, Plan
else:
    Table = Any  # Arrow is imported late; whether it is a table of `dataset` is asked of its note

MEMORY_MIB = 3008
# What DuckDB can begin with, and more than any machine has.
MEMORY = range(64, (1 << 30) + 1)
METADATA = b"assembly_line"
# What is read of the note in a table's metadata.
DESCRIBED: Mapping[str, Allowed] = {
    **dict.fromkeys(("line", "purpose", "as_of"), TEXT),
    **dict.fromkeys(("from", "to"), TEXT_OR_NULL),
    **dict.fromkeys(("features", "quality"), LIST),
    **dict.fromkeys(("columns", "excluded"), OBJECT),
    **dict.fromkeys(("duplicates", "spine_rows"), WHOLE),
}
# What a request calls the arguments.
ARGUMENTS = {"as_of": "as_of", "since": "from", "until": "to"}
Instant = date | str  # a datetime is a date


class QualityWarning(UserWarning):
    """The dataset machine would refuse this dataset."""


@typed_request
def dataset(
    line: Line,
    sources: Given,
    *,
    as_of: Instant,
    since: Instant | None = None,
    until: Instant | None = None,
    purpose: Literal["training", "scoring"] = "training",
    trying: Mapping[str, Feature] | None = None,
    features: Iterable[str] | None = None,
    scripts: Mapping[str, str | Path] | str | Path | None = None,
    sampling: Mapping[str, float] | None = None,
    memory_mib: int = MEMORY_MIB,
) -> Table:
    """Build the dataset that the line would build from these tables.

    Args:
        line: the declaration: decision, outcome, sources and features.
        sources: a folder of `<source>.parquet`. Or source name -> Parquet file, pandas or Arrow table, or DuckDB
            relation. Only sources that the features read must be there. Another table for the spine's source tries
            another spine.
        as_of: what was known then: text such as `2017-07-01`, a date, or a datetime with a zone.
        since: the first decision time. A scoring dataset needs it.
        until: the first decision time that is left out. A scoring dataset needs it.
        purpose: `training` gives mature decisions with the outcome, `scoring` gives all without it.
        trying: features beside those of the line. One with the name of a feature of the line replaces it.
        features: the names that you want, all if left out. The features in `trying` come beside them.
        scripts: where the scripts of UDFs are: the folder of the line, or script name -> Python file.
        sampling: which decisions of a training dataset are kept, such as `{"keep_negatives": 0.1, "seed": 7}`.
        memory_mib: how much memory DuckDB may use before it spills to disk, 64 or more.

    Returns:
        An Arrow table with the columns of a dataset: decision_id, decision_time, keys, features. A training dataset
            also has the outcome, and when it was known. `.schema.metadata[METADATA]` is JSON of what you asked, and of
            how many decisions were left out.

    Raises:
        RequestRefused: the request names something unknown, an instant has no zone, or an argument is of another type.
        DeclarationError: a tried feature contradicts the line.
        SourceUnreadable: a table is missing, is not as its source declares, or is of no source of the line.
        QualityGateFailed: a static source states two values for one entity.
        FeatureFunctionFailed: a UDF is missing, fails, or breaks its contract.
    """
    import pyarrow.parquet as pq

    if memory_mib not in MEMORY:
        raise RequestRefused.about(
            "notebook.dataset: memory_mib", str(memory_mib), f"{MEMORY.start} to {MEMORY.stop - 1} MiB"
        )
    if trying:
        line = replace(line, features={**line.features, **trying})
        features = None if features is None else tuple(dict.fromkeys((*features, *trying)))
    _require_declared(line, sources)
    request = _request(line, as_of=as_of, since=since, until=until, purpose=purpose, features=features)
    if sampling is not None:
        request = DatasetRequest.parse({**request.to_json(), "sampling": dict(sampling)})
    with tempfile.TemporaryDirectory(prefix="notebook-") as place:
        folder = Path(place)
        needed = [line.sources[name] for name in needed_sources(line, request)]
        local = typed_sources(needed, sources, folder)
        snapshots = {name: source.snapshot for name, source in local.items()}
        contents = _contents(line, request, scripts)
        plan = make_plan(
            request,
            line,
            release=digest(line_to_json(line)),
            snapshots=snapshots,
            memory_mib=memory_mib,
            scripts={name: digest_bytes(content) for name, content in contents.items()},
            has_arrow=True,
        )
        files = {name: [Path(item.key) for item in part.objects] for name, part in plan.inputs.items()}
        target = folder / "data.parquet"
        built = build_on_duckdb(plan, files, target, memory_mib=memory_mib, scripts=contents)
        if plan.with_outcome:
            audited = audit_knowledge(plan, files, target, memory_mib=memory_mib, scripts=contents)
            built = replace(built, findings=(*built.findings, *audited))
        findings = examine(plan, built, read_dataset(target))
        _warn(findings)
        with pq.ParquetFile(target) as file:
            table = file.read()
    described = {**_described(plan, built, findings), "columns": _types_of(table)}
    return table.replace_schema_metadata({METADATA: json.dumps(described)})


@typed_request
def profile(line: Line, table: Table, to: str | Path, *, trying: Mapping[str, Feature] | None = None) -> Path:
    """Write the profile of a dataset as one HTML page, as `line dataset profile` does.

    Args:
        line: the declaration of the features.
        table: what `dataset` returned.
        to: the file to write. Its folder exists.
        trying: the features that you gave to `dataset` beside those of the line.

    Returns:
        The path of the page.

    Raises:
        RequestRefused: the table is not what `dataset` returned for this line, or the page cannot be written.
    """
    if trying:
        line = replace(line, features={**line.features, **trying})
    path = Path(to).expanduser()
    written = page_of_notebook(line, _description_of(line, table, "profile"), arrow_columns_of(table))
    try:
        path.write_text(written, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise RequestRefused.about(
            "notebook.profile: to", f"{str(path)!r} cannot be written ({error})", "a file in a folder that exists"
        ) from error
    return path


def _contents(
    line: Line, request: DatasetRequest, given: str | Path | Mapping[str, str | Path] | None
) -> dict[str, bytes]:
    """The scripts of the UDFs that are asked for."""
    contents = {}
    for name in workload_of(line, resolved_features(line, request)).scripts:
        if given is None or (isinstance(given, Mapping) and name not in given):
            raise FeatureFunctionFailed(
                f"{name}: features asked for are UDFs in it; say where it is: "
                f"scripts=<the line's folder> or scripts={{{name!r}: <path>}}"
            )
        path = Path(given[name] if isinstance(given, Mapping) else Path(given) / name).expanduser()
        if not path.is_file():
            raise FeatureFunctionFailed(f"{name}: there is no file {path}")
        contents[name] = path.read_bytes()
    return contents


@typed_request
def model_inputs(line: Line, table: Table, model: Mapping[str, Any]) -> list[ArrowFold]:
    """Shape a training dataset for a type of model, as the dataset machine would.

    Args:
        line: the declaration of keys and outcome.
        table: what `dataset` returned.
        model: such as `{"type": "gradient_boosting", "split": {"holdout": 0.25}}`. docs/model-inputs.md lists them.

    Returns:
        One fold, or as many as you asked for. `.parts["train"].features` and `.targets` are numpy arrays. `.table` and
            `.ids` are Arrow tables in the same order. `.fitted` is what was learnt from the training part.

    Raises:
        RequestRefused: the model is unknown, the rows do not allow it, or the table is not what `dataset` returned for
            this line. The message names the field.
    """
    described = _description_of(line, table, "model_inputs")
    if described["purpose"] != "training":
        raise RequestRefused.about(
            "notebook.model_inputs: table",
            f"a {described['purpose']} dataset, which has no outcome",
            "a training dataset",
            "build it with purpose='training'",
        )
    request = _request(line, as_of=described["as_of"], purpose=described["purpose"], features=None, model=model)
    if not isinstance(request.model, ModelSpec):
        raise RequestRefused(
            "model.type: 'plain' is the dataset as it is: it has no model inputs",
            where="model.type",
            value=repr("plain"),
            expected="a type that has model inputs",
        )
    check_model_spec(request.model, line)
    spec, columns = request.model.resolved(), arrow_columns_of(table)
    _check_decisions(columns, described)
    _check_outcome(columns[line.outcome.name], line.outcome)
    facts = Facts(
        line=line.name,
        dataset_id="of this notebook",
        logical_digest=logical_digest(columns),
        as_of=described["as_of"],
        rows=table.num_rows,
        keys=tuple(line.decision.keys),
        features=tuple(described["features"]),
        outcome=line.outcome.name,
        kind=kind_of_outcome(line.outcome),
        present=line.outcome.present,
    )
    return [arrow_fold(fold, facts.outcome) for fold in prepare_inputs(columns, facts, spec).folds]


def _require_declared(line: Line, sources: Given) -> None:
    """Refuse a table that no source of the line has: nothing would read it."""
    unknown = [] if isinstance(sources, str | Path) else [repr(name) for name in sources if name not in line.sources]
    if unknown:
        raise SourceUnreadable.about(
            "notebook.dataset: sources",
            ", ".join(unknown),
            f"sources that line {line.name} declares: {', '.join(line.sources)}",
        )


def _description_of(line: Line, table: Table, function: str) -> Record:
    """What `dataset` wrote beside its table."""
    import pyarrow as pa

    where = f"notebook.{function}: table"
    metadata = (table.schema.metadata or {}) if isinstance(table, pa.Table) else {}
    advice = "an operation that drops the metadata of a table, or a data frame, does not keep it"
    if METADATA not in metadata:
        raise RequestRefused.about(
            where,
            f"{type(table).__name__} without the note {METADATA.decode()!r}",
            "what notebook.dataset returned",
            advice,
        )
    described = record_of(parse_document(metadata[METADATA], of=where), DESCRIBED, of=where, refusal=RequestRefused)
    if described["line"] != line.name:
        raise RequestRefused.about(where, f"a dataset of line {described['line']}", f"one of line {line.name}")
    outcome = line.outcome.columns if described["purpose"] == "training" else {}
    columns, found = described["columns"], _types_of(table)
    expected = [DECISION_ID, DECISION_TIME, *line.decision.keys, *map(str, described["features"]), *outcome, *columns]
    lost = [name for name in dict.fromkeys(expected) if name not in found]
    advice = "give what notebook.dataset returned"
    if lost:
        raise RequestRefused.about(where, f"columns {', '.join(lost)} are gone", "all columns of the dataset", advice)
    if len(found) < table.num_columns:
        raise RequestRefused.about(where, f"columns {', '.join(table.column_names)}", "each column once", advice)
    for name, kind in columns.items():
        if found[name] != kind:
            raise RequestRefused.about(f"{where}: column {name}", found[name], f"{kind}, as it was built", advice)
    return described


def _types_of(table: Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def _check_decisions(columns: Mapping[str, Column], described: Record) -> None:
    """Refuse decisions without a time or an id, and more of one id than the spine has."""
    where = "notebook.model_inputs: table: column"
    for name in (DECISION_ID, DECISION_TIME, OUTCOME_KNOWN_AT):
        nulls = int((~columns[name].valid).sum())
        if nulls:
            raise RequestRefused.about(f"{where} {name}", f"{nulls} nulls", "none", "leave these rows out")
    repeated = len(columns[DECISION_ID]) - len(set(columns[DECISION_ID].values.tolist()))
    if repeated > described["duplicates"]:
        raise RequestRefused.about(
            f"{where} {DECISION_ID}",
            f"{repeated} rows repeat the decision of another",
            f"at most {described['duplicates']}, as the dataset was built",
            "give each row once",
        )


def _check_outcome(values: Column, outcome: Outcome) -> None:
    """Refuse values that the line declares for no outcome: whatever is not `present` would be read as absent."""
    declared = outcome.classes or ((outcome.present, outcome.absence) if outcome.has_classes else None)
    others = set() if declared is None else {*values.values[values.valid].tolist()}.difference(declared)
    if declared is not None and others:
        raise RequestRefused.about(
            f"notebook.model_inputs: table: column {outcome.name}",
            f"{len(others)} values such as {next(iter(others))!r}",
            f"one of {', '.join(map(repr, declared))}, as the line declares",
            "give what notebook.dataset returned",
        )


def __getattr__(name: str) -> object:
    """The old name of `model_inputs`, for one more release."""
    if name != "shaped":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    said = f"{__name__}.{name} is now {__name__}.model_inputs; the next release drops the old name"
    warnings.warn(said, DeprecationWarning, stacklevel=2)
    return model_inputs


def _request(
    line: Line,
    *,
    features: Iterable[str] | None,
    purpose: str,
    model: Mapping[str, Any] | None = None,
    **instants: Instant | None,
) -> DatasetRequest:
    given: dict[str, Any] = {ARGUMENTS[name]: format_instant(value) for name, value in _checked(instants, purpose)}
    if features is not None:
        given["features"] = list(features)
    if model is not None:
        given["model"] = dict(model)
    return DatasetRequest.parse({"line": line.name, "purpose": purpose, "engine": "duckdb", **given})


def _checked(instants: Mapping[str, Instant | None], purpose: str) -> Iterator[tuple[str, datetime]]:
    """The instants that are given; what is wrong with them is said here, where their names are the caller's."""
    since, until = instants.get("since"), instants.get("until")
    if purpose == "scoring" and (since is None or until is None):
        raise RequestRefused(
            "notebook.dataset: a scoring dataset needs since and until, the period of its decision times; "
            f"got since={since!r}, until={until!r}",
            where="since, until",
            value=f"{since!r}, {until!r}",
            expected="both, for a scoring dataset",
        )
    found = {
        name: parse_instant(value.isoformat() if isinstance(value, date) else value, field=name)
        for name, value in instants.items()
        if value is not None
    }
    if "since" in found and "until" in found and found["since"] >= found["until"]:
        raise RequestRefused(
            f"notebook.dataset: since {since} is not before until {until}",
            where="since",
            value=str(since),
            expected=f"before until {until}",
        )
    yield from found.items()


def _warn(findings: Sequence[Finding]) -> None:
    """Say what the quality gate would say. Here nothing is downstream that it would have to protect."""
    for finding in findings:
        if not finding.passed and finding.allowed is None:
            warnings.warn(
                f"{finding.rule}: {finding.value}, expected {finding.expected}: {finding.advice}",
                QualityWarning,
                stacklevel=3,
            )


def _described(plan: Plan, built: Built, findings: Sequence[Finding]) -> dict[str, Any]:
    document = plan.to_json()
    kept = ("purpose", "as_of", "from", "to", "features", "semantics")
    return {
        **{name: document[name] for name in kept},
        "line": plan.line.name,
        "rows": built.rows,
        "spine_rows": built.spine_rows,
        "duplicates": built.duplicates,
        "excluded": dict(built.excluded),
        "sampling": None if built.sampling is None else dict(built.sampling),
        "versions": dict(built.versions),
        "quality": [finding.to_json() for finding in findings],
    }
