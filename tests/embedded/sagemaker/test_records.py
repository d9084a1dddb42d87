"""The parts of job running that need no process: records, archives, addresses, arguments, reasons, settings."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assembly_line.embedded.sagemaker import archives
from assembly_line.embedded.sagemaker.jobs import records
from assembly_line.embedded.sagemaker.jobs.container import from_tree, to_tree
from assembly_line.embedded.sagemaker.jobs.failure_reason import last_exception_line, script_failure
from assembly_line.embedded.sagemaker.jobs.job_log import JobLog, MetricScan
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Address
from assembly_line.embedded.sagemaker.jobs.script_mode import command_arguments
from assembly_line.embedded.sagemaker.settings import SageMakerSettings
from assembly_line.errors import AssemblyError, EmbeddedAwsError, JobFailed, SettingMissing


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        (None, "a,b,c,d"),
        ("$", "a,b,c,d"),
        ("$[0]", "a"),
        ("$[-1]", "d"),
        ("$[1:]", "b,c,d"),
        ("$[:2]", "a,b"),
        ("$[1:-1]", "b,c"),
        ("$[0,-1]", "a,d"),
        ("$[0, 2:]", "a,c,d"),
        ("$[3,0]", "d,a"),
    ],
)
def test_filters_choose_columns(expression: str | None, kept: str) -> None:
    assert records.ColumnFilter.parse(expression, what="InputFilter").apply("a,b,c,d") == kept


@pytest.mark.parametrize("expression", ["", "$[]", "$[a]", "$.x", "$['x']", "[0]", "$[0", "$[1:2:3]", "$[0][1]", "$$"])
def test_a_filter_without_meaning_for_csv_is_refused(expression: str) -> None:
    if expression == "":
        assert records.ColumnFilter.parse(expression, what="InputFilter").selectors is None
        return
    with pytest.raises(JobFailed, match="InputFilter"):
        records.ColumnFilter.parse(expression, what="InputFilter")


def test_quoted_columns_stay_whole_and_unfiltered_rows_stay_as_they_are() -> None:
    row = '"Smith, ""Jo""",1,"2"'

    assert records.ColumnFilter.parse("$[0,1]", what="InputFilter").apply(row) == '"Smith, ""Jo""",1'
    assert records.ColumnFilter.parse("$", what="InputFilter").apply(row) == row


def test_lines_end_with_the_last_record() -> None:
    assert records.split_lines(b"a\r\nb\n") == records.split_lines(b"a\nb") == ["a", "b"]
    assert records.split_lines(b"a\n\nb\n") == ["a", "", "b"]
    assert records.split_lines("a\u2028b\n".encode()) == ["a\u2028b"]
    with pytest.raises(JobFailed, match="not UTF-8"):
        records.split_lines(b"\xff\xfe")


def test_batches_cover_every_record_once_in_order_within_the_limit() -> None:
    lines = ["x" * (records.MIB // 3 - 1)] * 7

    cuts = list(records.batches(lines, single=False, max_payload_mib=1))

    assert cuts == [(0, 3), (3, 6), (6, 7)]
    assert list(records.batches(lines, single=True, max_payload_mib=1)) == [(n, n + 1) for n in range(7)]
    assert list(records.batches([], single=False, max_payload_mib=6)) == []


def test_packing_depends_on_content_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = []
    for name in ("first", "second"):
        folder = tmp_path / name
        (folder / "code").mkdir(parents=True)
        order = ("z.txt", "code/a.py") if name == "first" else ("code/a.py", "z.txt")
        for file in order:
            (folder / file).write_text("same", encoding="utf-8")
            os.utime(folder / file, (len(name), len(name)))
        monkeypatch.setattr("time.time", partial(float, 86400 * len(name)))
        archives.pack(folder, tmp_path / f"{name}.tar.gz")
        packed.append((tmp_path / f"{name}.tar.gz").read_bytes())

    assert packed[0] == packed[1]
    archives.unpack(tmp_path / "first.tar.gz", tmp_path / "out", what="first")
    assert (tmp_path / "out" / "code" / "a.py").read_text(encoding="utf-8") == "same"


def test_a_link_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "secret").symlink_to("/etc/hostname")

    with pytest.raises(JobFailed, match="'secret' is a link"):
        archives.pack(tmp_path / "model", tmp_path / "model.tar.gz")


@pytest.mark.parametrize(
    "names",
    [("a", "a/b"), ("a/b", "a"), (".",), ("x" * 300,), ("/".join(["folder"] * 1000),)],
    ids=lambda one: one[0][:9],
)
def test_a_member_that_the_disk_cannot_hold_fails_by_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    with tarfile.open(tmp_path / "saved.tar.gz", "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())

    with pytest.raises(JobFailed, match=rf"ClientError: saved: member '{names[-1][:100]}' cannot be written: [A-Z]"):
        archives.unpack(tmp_path / "saved.tar.gz", tmp_path / "out", what="saved")


def test_an_archive_that_expands_too_far_is_refused_before_it_is_written(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("zeros")
        member.size = 3_000_000
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(stream.getvalue()))

    with pytest.raises(JobFailed, match="expands beyond 2000000 bytes"):
        archives.unpack(tmp_path / "bomb.tar.gz", tmp_path / "out", what="bomb", max_bytes=2_000_000)
    assert not (tmp_path / "out" / "zeros").exists()


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/some/key.csv",
        "https://s3.us-east-1.amazonaws.com/bucket/some/key.csv",
        "https://s3.amazonaws.com/bucket/some/key.csv",
        "https://bucket.s3.eu-central-1.amazonaws.com/some/key.csv",
    ],
)
def test_addresses_of_s3_are_read_in_every_form(uri: str) -> None:
    assert S3Address.parse(uri) == S3Address("bucket", "some/key.csv")


@pytest.mark.parametrize("uri", ["", "bucket/key", "http://s3.amazonaws.com/b/k", "https://example.com/b/k", "s3:///k"])
def test_what_is_no_address_of_s3_is_refused(uri: str) -> None:
    with pytest.raises(JobFailed, match="is no S3 address"):
        S3Address.parse(uri)


@pytest.mark.parametrize(
    ("value", "arguments"),
    [
        ({"b": 1, "alpha": "x"}, ["--alpha", "x", "-b", "1"]),
        ({"on": True, "off": None}, ["--off", "", "--on", "True"]),
        ({"rates": {"b": 2, "a": 1}}, ["--rates", "a=1,b=2"]),
        ({"layers": [1, 2]}, ["--layers", "[1, 2]"]),
    ],
)
def test_hyperparameters_become_arguments_as_the_toolkit_writes_them(value: Any, arguments: list[str]) -> None:
    assert command_arguments(value) == arguments


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("/opt/ml", "/w"),
        ("/opt/ml/model", "/w/model"),
        ("--dir=/opt/ml/model:/opt/ml/code", "--dir=/w/model:/w/code"),
        ('["/opt/ml/a"]', '["/w/a"]'),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/srv/opt/ml", "/srv/opt/ml"),
        ("/opt/ml-2/x", "/opt/ml-2/x"),
    ],
)
def test_paths_of_the_container_become_paths_of_the_job(text: str, mapped: str) -> None:
    assert to_tree(text, Path("/w")) == mapped
    assert from_tree("/w/model", Path("/w")) == "/opt/ml/model"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Traceback (most recent call last):", '  File "a.py"', "ValueError: one", "two"], "ValueError: one"),
        (
            [
                "Traceback (most recent call last):",
                "KeyError: 'x'",
                "",
                "During handling of the above exception, another exception occurred:",
                "",
                "Traceback (most recent call last):",
                '  File "b.py", line 1',
                "some.module.OddError: last",
                "warning printed at exit",
            ],
            "some.module.OddError: last",
        ),
        (['  File "a.py", line 1', "    x x", "      ^", "SyntaxError: invalid syntax"], "SyntaxError: invalid syntax"),
        (["usage: train.py", "train.py: error: required: --rounds", ""], "train.py: error: required: --rounds"),
        ([], ""),
    ],
)
def test_the_last_exception_is_found_in_what_a_script_wrote(lines: list[str], expected: str) -> None:
    assert last_exception_line(lines) == expected


def test_a_reason_fits_the_field_it_is_kept_in() -> None:
    reason = script_failure(1, ["ValueError: " + "x" * 3000], command="python train.py")

    assert reason.startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: x')
    assert len(reason) == 1024


def test_the_last_value_of_a_metric_counts_and_a_word_is_none(tmp_path: Path) -> None:
    scan = MetricScan([{"Name": "loss", "Regex": "loss=(.*?);"}, {"Name": "never", "Regex": "never=(.*)"}])
    with JobLog(tmp_path / "job.log", metrics=scan) as log:
        for line in ("loss=0.7;", "loss=0.5; auc=1", "loss=oops;"):
            log.write(line)

    assert [(metric.name, metric.value) for metric in scan.values()] == [("loss", 0.5)]
    assert (tmp_path / "job.log").read_text(encoding="utf-8").splitlines()[1] == "loss=0.5; auc=1"


def test_settings_name_every_missing_variable_and_refuse_what_is_no_number() -> None:
    complete = {"SAGEMAKER_PORT": "0", "AWS_ENDPOINT_URL": "x", "SAGEMAKER_STATE": "s", "SAGEMAKER_WORK": "/w/jobs"}

    settings = SageMakerSettings.from_process(complete)
    assert (settings.workers, settings.logs, settings.trees) == (2, Path("/w/logs"), Path("/w/jobs/opt-ml"))
    assert settings.threads_per_job >= 1
    with pytest.raises(SettingMissing, match="SAGEMAKER_PORT, AWS_ENDPOINT_URL, SAGEMAKER_STATE, SAGEMAKER_WORK"):
        SageMakerSettings.from_process({})
    for changes in ({"SAGEMAKER_PORT": "many"}, {"SAGEMAKER_PORT": "70000"}, {"SAGEMAKER_WORKERS": "0"}):
        with pytest.raises(EmbeddedAwsError, match="expected a whole number"):
            SageMakerSettings.from_process(complete | changes)
    assert issubclass(JobFailed, AssemblyError)
