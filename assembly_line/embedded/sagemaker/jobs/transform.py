"""One batch transform job, from the objects on S3 through the model to `<key>.out`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.embedded.sagemaker.jobs import records
from assembly_line.embedded.sagemaker.jobs.job_desk import COMPLETED, SHUT_DOWN, STOPPED, JobDesk, JobEnd
from assembly_line.embedded.sagemaker.jobs.model_container import ModelContainer, ModelDescription
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Address, S3Entry
from assembly_line.errors import JobFailed, JobStopped

# What the containers assume where the job names no type.
DEFAULT_TYPE = "application/json"


@dataclass(frozen=True, kw_only=True)
class TransformRequest:
    """The parts of CreateTransformJob that decide what runs."""

    name: str
    model: ModelDescription
    input_uri: str
    input_type: str
    content_type: str
    split_lines: bool
    single_record: bool
    max_payload_mib: int
    max_concurrent: int
    output_uri: str
    accept: str
    assemble_lines: bool
    input_filter: str | None
    output_filter: str | None
    join_input: bool
    environment: dict[str, str]
    timeout_seconds: float

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any], model: ModelDescription) -> TransformRequest:
        source, target = parameters["TransformInput"], parameters["TransformOutput"]
        data, processing = source["DataSource"]["S3DataSource"], parameters.get("DataProcessing") or {}
        payload = parameters.get("MaxPayloadInMB")
        return cls(
            name=parameters["TransformJobName"],
            model=model,
            input_uri=data["S3Uri"],
            input_type=data["S3DataType"],
            content_type=source.get("ContentType") or DEFAULT_TYPE,
            split_lines=source.get("SplitType") == "Line",
            single_record=parameters.get("BatchStrategy") == "SingleRecord",
            max_payload_mib=6 if payload is None else int(payload),
            max_concurrent=int(parameters.get("MaxConcurrentTransforms") or 1),
            output_uri=target["S3OutputPath"],
            accept=target.get("Accept") or DEFAULT_TYPE,
            assemble_lines=target.get("AssembleWith") == "Line",
            input_filter=processing.get("InputFilter"),
            output_filter=processing.get("OutputFilter"),
            join_input=processing.get("JoinSource") == "Input",
            environment=dict(parameters.get("Environment") or {}),
            timeout_seconds=float(
                (parameters.get("ModelClientConfig") or {}).get("InvocationsTimeoutInSeconds") or 600
            ),
        )

    @property
    def filters(self) -> bool:
        return self.join_input or (self.input_filter or "$") != "$" or (self.output_filter or "$") != "$"


def run_transform(request: TransformRequest, desk: JobDesk) -> JobEnd:
    """Run the job whole. Blocks until it ended.

    Raises:
        JobFailed: the model, its data or the job's own settings failed; the message is the job's FailureReason.
    """
    desk.log.remark(desk.isolation.describe())
    _check(request)
    entries = list(desk.files.entries(S3Address.parse(request.input_uri)))
    if not entries:
        raise JobFailed(f'ClientError: No S3 objects found under S3 URL "{request.input_uri}" given in TransformInput')
    try:
        with ModelContainer(request.model, desk, environment=_variables(request)) as model:
            for entry in entries:
                _transform_object(entry, request, desk, model)
    except JobStopped:
        return JobEnd.failed(SHUT_DOWN) if desk.stop.shutdown.is_set() else STOPPED
    return COMPLETED


def _check(request: TransformRequest) -> None:
    if request.input_type != "S3Prefix":
        raise JobFailed(f"ClientError: S3DataType {request.input_type!r}: the embedded SageMaker reads S3Prefix")
    if request.filters and request.content_type.split(";")[0].strip() != "text/csv":
        raise JobFailed(
            f"ClientError: DataProcessing with ContentType {request.content_type!r}: the embedded SageMaker filters "
            "and joins text/csv"
        )
    if request.join_input and not (request.split_lines and request.assemble_lines):
        raise JobFailed("ClientError: JoinSource Input needs SplitType Line and AssembleWith Line")


def _variables(request: TransformRequest) -> dict[str, str]:
    return {
        **request.model.environment,
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(request.max_payload_mib),
        "SAGEMAKER_BATCH_STRATEGY": "SingleRecord" if request.single_record else "MultiRecord",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(request.max_concurrent),
        **request.environment,
    }


def _transform_object(entry: S3Entry, request: TransformRequest, desk: JobDesk, model: ModelContainer) -> None:
    """Transform one object. Its output is written only if all of it succeeded, as in AWS."""
    local = desk.tree / "tmp" / "object"
    desk.files.fetch(entry.address, local)
    body = local.read_bytes()
    if not body.strip():
        raise JobFailed(f"ClientError: See job logs for more information: {entry.address} is empty")
    content = _by_lines(body, entry, request, model) if request.split_lines else _whole(body, entry, request, model)
    local.write_bytes(content)
    output = S3Address.parse(request.output_uri)
    target = S3Address(output.bucket, "/".join(filter(None, [output.key.strip("/"), f"{entry.relative}.out"])))
    desk.files.push(local, target)
    desk.log.remark(f"{entry.address} -> {target}")


def _whole(body: bytes, entry: S3Entry, request: TransformRequest, model: ModelContainer) -> bytes:
    if request.max_payload_mib and len(body) > request.max_payload_mib * records.MIB:
        raise JobFailed(
            f"ClientError: See job logs for more information: {entry.address} has {len(body)} bytes, more than "
            f"MaxPayloadInMB={request.max_payload_mib}; set SplitType Line or raise the limit"
        )
    if request.filters:
        pick = records.ColumnFilter.parse(request.input_filter, what="InputFilter")
        body = "".join(f"{pick.apply(line)}\n" for line in records.split_lines(body)).encode("utf-8")
    answer = _invoke(body, entry, request, model)
    if not request.assemble_lines and (request.output_filter or "$") == "$":
        return answer
    keep = records.ColumnFilter.parse(request.output_filter, what="OutputFilter")
    return "".join(f"{keep.apply(line)}\n" for line in records.split_lines(answer)).encode("utf-8")


def _by_lines(body: bytes, entry: S3Entry, request: TransformRequest, model: ModelContainer) -> bytes:
    pick = records.ColumnFilter.parse(request.input_filter, what="InputFilter")
    keep = records.ColumnFilter.parse(request.output_filter, what="OutputFilter")
    rows = records.split_lines(body)
    asked = [pick.apply(row) for row in rows]
    parts: list[bytes] = []
    cuts = records.batches(asked, single=request.single_record, max_payload_mib=request.max_payload_mib)
    for start, stop in cuts:
        answer = _invoke("".join(f"{row}\n" for row in asked[start:stop]).encode("utf-8"), entry, request, model)
        if not request.assemble_lines and keep.selectors is None:
            parts.append(answer)
            continue
        answers = records.split_lines(answer)
        if request.join_input:
            if len(answers) != stop - start:
                raise JobFailed(
                    f"ClientError: See job logs for more information: {entry.address}: the model answered "
                    f"{len(answers)} record(s) for {stop - start}; JoinSource Input needs one answer for each, in order"
                )
            answers = records.join(rows[start:stop], answers)
        end = "\n" if request.assemble_lines else ""
        parts.append("".join(f"{keep.apply(line)}{end}" for line in answers).encode("utf-8"))
    return b"".join(parts)


def _invoke(body: bytes, entry: S3Entry, request: TransformRequest, model: ModelContainer) -> bytes:
    try:
        return model.invoke(
            body,
            content_type=request.content_type,
            accept=request.accept,
            timeout_seconds=request.timeout_seconds,
        )
    except JobFailed as error:
        raise JobFailed(f"{error} (input {entry.address})") from error
