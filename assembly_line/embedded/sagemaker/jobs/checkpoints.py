"""A training job's checkpoints: what S3 holds is there when the script starts, what the script wrote is kept on S3."""

from __future__ import annotations

from assembly_line.embedded.sagemaker.jobs.container import to_tree
from assembly_line.embedded.sagemaker.jobs.job_desk import JobDesk
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Address
from assembly_line.embedded.sagemaker.jobs.script_mode import TrainingRequest
from assembly_line.errors import JobFailed


def restore(request: TrainingRequest, desk: JobDesk) -> None:
    """Make the checkpoint folder and fill it from S3. AWS does so at each start, spot or not."""
    if request.checkpoints is None:
        return
    folder = desk.tree / "checkpoints"
    folder.mkdir()
    local = request.checkpoints.get("LocalPath", "/opt/ml/checkpoints")
    if to_tree(local.rstrip("/"), desk.tree) != str(folder):
        raise JobFailed(f"ClientError: CheckpointConfig.LocalPath {local!r}: expected /opt/ml/checkpoints")
    if any(True for _ in desk.files.entries(S3Address.parse(request.checkpoints["S3Uri"]))):
        count = desk.files.pull(request.checkpoints["S3Uri"], folder)
        desk.log.remark(f"checkpoints: {count} object(s) from {request.checkpoints['S3Uri']}")


def keep(request: TrainingRequest, desk: JobDesk) -> None:
    """Write the checkpoint folder to S3, however the script ended."""
    if request.checkpoints is None:
        return
    target, folder = S3Address.parse(request.checkpoints["S3Uri"]), desk.tree / "checkpoints"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            key = f"{target.key.rstrip('/')}/{path.relative_to(folder).as_posix()}".lstrip("/")
            desk.files.push(path, S3Address(target.bucket, key))
