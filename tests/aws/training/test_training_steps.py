"""The training machine's steps against a simulated account: what they write, and what they refuse."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from assembly_line.declarations.training.validation import Validation
from assembly_line.encoding import Encoding
from assembly_line.errors import DatasetAltered, NotFound, RequestRefused, TrainingRejected
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.record.manifest import logical_digest
from assembly_line.release import Release
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training import request_of
from assembly_line.training.serving import places
from lambdas.training import handler as training
from tests.aws.training.conftest import ReleaseAs
from tests.aws.training.training_run import AUTHOR, DATASET, GROUP, LINE, RunSoFar, call
from tests.wheels import write_wheel

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient


@dataclass(frozen=True)
class Ended:
    """A run that was registered. `judged`: what was answered before the final fit began.

    `files`, `files_then`: what the judged fit left when the run was registered, and before the final fit began.
    """

    run: RunSoFar
    judged: dict[str, dict[str, Any]]
    files: dict[str, bytes]
    files_then: dict[str, bytes]
    registered: dict[str, Any]

    def again(self) -> RunSoFar:
        """The same run, that knows no answer of it yet."""
        return RunSoFar(self.run.store, self.run.control, self.run.dataset, self.run.run_id)


@pytest.fixture(scope="module")
def ended(new_run: Callable[[], RunSoFar]) -> Ended:
    run = new_run()
    run.evaluate()
    judged, files_then = dict(run.answers), contents(run, run.judged)
    # Whatever the final fit answers for decisions that it has seen, it is no judgement.
    registered = run.register([f"{row[0]},0.5" for row in asked_of_a_final_fit(run)])
    return Ended(run, judged, contents(run, run.judged), files_then, registered)


@pytest.fixture(scope="module")
def fitted(new_run: Callable[[], RunSoFar]) -> RunSoFar:
    """A run of which the final fit is packaged; whatever is asked of it then is refused."""
    run = new_run()
    run.fit_finally()
    return run


def asked_of_a_final_fit(run: RunSoFar) -> list[list[str]]:
    """Of what the judged fit was asked: the holdout, and the same decisions as the line scores."""
    return [row for row in run.batch() if "~" not in row[0] or row[0].endswith("~~")]


def contents(run: RunSoFar, prefix: str) -> dict[str, bytes]:
    return {item.key: run.store.read(item.key) for item in run.store.list(prefix)}


def test_begin_fixes_what_the_run_is(run: RunSoFar, release: Release) -> None:
    run.control.add_run(LINE, run.run_id, {"author": AUTHOR, "requested_at": "2026-11-22T09:59:59.000000Z"})

    context = run.begin(hyperparameters={"max_depth": 4}, engine="duckdb")

    assert (context["run_id"], context["line"], context["release"]) == (run.run_id, LINE, release.digest)
    assert (context["author"], context["author_verified"]) == (AUTHOR, True)
    assert context["hyperparameters"]["max_depth"] == "4"
    assert context["hyperparameters"]["seed"] == "7"
    assert context["dataset_request"] == {
        "line": LINE,
        "purpose": "training",
        "as_of": "2017-07-01T00:00:00.000000Z",
        "engine": "duckdb",
        "release": release.digest,
    }


def test_a_run_that_the_api_did_not_start_has_an_unverified_author(run: RunSoFar) -> None:
    context = run.begin()

    assert (context["author"], context["author_verified"]) == ("unverified", False)


ALTERATIONS = {
    "a value": "SELECT * REPLACE (spend_90d + (decision_id LIKE '%7')::BIGINT AS spend_90d) FROM stored",
    "a known time": "SELECT * REPLACE (decision_time AS outcome_known_at) FROM stored",
    "the order": "SELECT * FROM stored ORDER BY decision_id DESC",
    "a row less": "SELECT * FROM stored OFFSET 1",
    "a column more": "SELECT *, 1 AS more FROM stored",
}


@pytest.mark.parametrize("change", ALTERATIONS)
@pytest.mark.parametrize("phase", ["judged", "final"])
def test_prepare_learns_nothing_from_rows_that_are_not_those_of_the_manifest(
    run: RunSoFar, tmp_path: Path, phase: str, change: str
) -> None:
    run.begin()
    key = run.store.key_of(run.dataset["data_uri"])
    first, altered = tmp_path / "first.parquet", tmp_path / "altered.parquet"
    run.store.download(key, first)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE VIEW stored AS SELECT * FROM read_parquet('{first}')")
        connection.execute(f"COPY ({ALTERATIONS[change]}) TO '{altered}' (FORMAT parquet)")
    manifest, found = run.dataset["logical_digest"], logical_digest(read_dataset(altered))
    run.store.upload(altered, key)

    try:
        with pytest.raises(DatasetAltered) as refused:
            run.prepare(phase)
    finally:
        run.store.upload(first, key)

    for said in (DATASET, manifest, found, key, f"line dataset verify {DATASET}", "bring back the first version"):
        assert said in str(refused.value)
    assert not contents(run, run.prefix)


IMPOSSIBLE: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"line": "churn"}, NotFound, r"line 'churn' has no release here; released lines: coupon_redemption"),
    ({"as_of": "July"}, RequestRefused, r"as_of: 'July'.*expected ISO 8601 such as 2017-07-01"),
    ({"as_of": "2017-02-30"}, RequestRefused, r"as_of: '2017-02-30'"),
    ({"as_of": "2017-07-01T00:00:00"}, RequestRefused, "has no zone"),
    ({"hyperparameters": {"depth": 3}}, RequestRefused, r"hyperparameters.depth.*it declares colsample_bytree"),
    ({"hyperparameters": {"seed": 1.5}}, RequestRefused, r"hyperparameters.seed: 1.5: expected a whole number"),
    ({"author": AUTHOR}, RequestRefused, "author: unknown field; there are line, as_of"),
    ({"release": "f" * 64}, RequestRefused, "f{64} is not in the store; the current release of coupon_redemption is"),
]


def test_begin_refuses_what_cannot_become_a_run(run: RunSoFar, subtests: pytest.Subtests) -> None:
    for request, error, message in IMPOSSIBLE:
        with subtests.test(str(request)), pytest.raises(error, match=message):
            run.begin(**request)


def test_begin_refuses_an_outcome_that_nothing_is_trained_for(
    run: RunSoFar, release: Release, release_as: ReleaseAs
) -> None:
    release_as(replace(release.line, outcome=replace(release.line.outcome, measure="time_to_event")))

    with pytest.raises(
        RequestRefused, match=r"redeemed of coupon_redemption is measured as time_to_event until a time"
    ):
        run.begin()


def test_prepare_hands_the_job_its_part_and_keeps_the_outcomes_of_the_holdout(ended: Ended, release: Release) -> None:
    prepared, read, judged = ended.judged["prepared"], ended.run.store.read, ended.run.judged

    train, batch = read(f"{judged}train/train.csv").decode(), read(f"{judged}holdout/input/batch.csv").decode()
    assert (prepared["rows"], prepared["holdout_rows"]) == (120, 60)
    # Behind the holdout, its decisions once more: with changed numbers, as the line scores, with exchanged values.
    assert (len(train.splitlines()), len(batch.splitlines())) == (120, 60 * (3 + len(release.line.features)))
    assert {row.split(",")[0] for row in train.splitlines()} == {"0", "1"}
    assert all(row.startswith("d1-20170301-") for row in batch.splitlines())
    assert {row.count(",") for row in (train + batch).splitlines()} == {len(release.line.features)}
    under_train = [item.key for item in ended.run.store.list(f"{judged}train/")]
    assert under_train == [f"{judged}train/schema.json", f"{judged}train/train.csv"]


def test_prepare_says_everything_that_the_job_needs(ended: Ended, release: Release) -> None:
    prepared = ended.judged["prepared"]

    assert prepared["image"] == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    assert prepared["role_arn"] == "arn:aws:iam::123456789012:role/assembly-line-test-coupon-redemption-jobs"
    assert prepared["job_name"] == f"{ended.run.run_id}-train-1"
    assert prepared["code_uri"] == f"s3://store/releases/{release.digest}/code/"
    assert json.loads(prepared["hyperparameters"]["sagemaker_program"]) == "train.py"
    assert json.loads(prepared["hyperparameters"]["sagemaker_submit_directory"]) == "/opt/ml/input/data/code"
    assert all(isinstance(value, str) for value in prepared["hyperparameters"].values())
    assert (prepared["instance_type"], prepared["timeout_seconds"]) == ("ml.m5.large", 3600)


def test_a_line_trains_on_one_type_and_scores_on_another(
    run: RunSoFar, release: Release, release_as: ReleaseAs, sagemaker: SageMakerClient
) -> None:
    training = replace(release.line.training, instance_type="ml.g4dn.xlarge", transform_instance_type="ml.c5.xlarge")
    release_as(replace(release.line, training=training))

    registered = run.register()

    prepared = run.answers["prepared"]
    assert (prepared["instance_type"], prepared["local_storage"]) == ("ml.g4dn.xlarge", True)
    assert (prepared["transform_instance_type"], prepared["transform_local_storage"]) == ("ml.c5.xlarge", False)
    package = sagemaker.describe_model_package(ModelPackageName=registered["model_package_arn"])
    assert package["InferenceSpecification"]["SupportedTransformInstanceTypes"] == ["ml.c5.xlarge"]
    instance = run.store.read_json(f"{run.prefix}run.json")["instance"]
    assert (instance["type"], instance["transform_type"]) == ("ml.g4dn.xlarge", "ml.c5.xlarge")


def test_pytorch_trains_in_one_image_is_served_in_another_and_saves_safetensors(
    run: RunSoFar, release: Release, release_as: ReleaseAs, sagemaker: SageMakerClient
) -> None:
    training = replace(
        release.line.training,
        framework="pytorch",
        framework_version="2.6.0",
        instance_type="ml.g4dn.xlarge",
        transform_instance_type="ml.c5.xlarge",
        refit=False,
    )
    release_as(replace(release.line, training=training))
    registry = "763104351884.dkr.ecr.us-east-1.amazonaws.com"

    prepared = run.prepare("final")
    with pytest.raises(TrainingRejected, match=r"model\.pt.*safetensors of PyTorch's weights"):
        run.package({"model.pt": b"PK"}, phase="final")
    run.answers.clear()
    run.prepare()
    packaged = run.package({"model.safetensors": b"\x02\0\0\0\0\0\0\0{}"})
    run.write_scores([f"{row[0]},{float(row[1]) / 10}" for row in run.batch()])
    registered = run.evaluate()

    assert prepared["image"] == f"{registry}/pytorch-training:2.6.0-gpu-py312"
    assert packaged["image"] == f"{registry}/pytorch-inference:2.6.0-cpu-py312"
    assert prepared["scored_by"] == "transform"
    package = sagemaker.describe_model_package(ModelPackageName=registered["model_package_arn"])
    assert package["InferenceSpecification"]["Containers"][0]["Image"] == packaged["image"]
    image = run.store.read_json(f"{run.prefix}run.json")["image"]
    assert (image["uri"], image["serving_uri"]) == (prepared["image"], packaged["image"])


def test_an_own_image_trains_and_serves_by_its_digest(run: RunSoFar, release: Release, release_as: ReleaseAs) -> None:
    own = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/churn@sha256:{'a' * 64}"
    release_as(replace(release.line, training=replace(release.line.training, image=own, framework_version=None)))

    registered = run.register()

    assert (run.answers["prepared"]["image"], run.answers["packaged"]["image"]) == (own, own)
    assert run.answers["prepared"]["scored_by"] == "transform"
    assert registered["model_package_arn"]
    assert run.store.read_json(f"{run.prefix}run.json")["image"] == {
        "framework": "own image",
        "version": f"team/churn@sha256:{'a' * 12}",
        "uri": own,
        "python": None,
        "libraries": {},
    }


def test_package_puts_the_wheels_of_the_release_beside_its_scripts(
    run: RunSoFar, release: Release, store: ObjectStore, control: ControlTable, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path, "reader", "1.0")
    required = f"reader==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    line = replace(release.line, training=replace(release.line.training, python="3.12"))
    carrying = Release(line, {**release.scripts, "requirements.txt": required.encode()})
    control.set_current_release(LINE, ReleaseStore(store).publish(carrying, {wheel.name: wheel.read_bytes()}))

    packaged = run.package()
    control.set_current_release(LINE, release.digest)

    assert run.answers["prepared"]["scored_by_because"] == "the release carries packages, which no function installs"
    with tarfile.open(fileobj=io.BytesIO(store.read(store.key_of(packaged["model_data_uri"])))) as archive:
        (carried,) = (member for member in archive if member.name.startswith("code/wheels/"))
        content = archive.extractfile(carried)
        assert content is not None
        assert (carried.name, content.read()) == (f"code/wheels/{wheel.name}", wheel.read_bytes())


def test_prepare_again_writes_the_same(ended: Ended) -> None:
    before = contents(ended.run, ended.run.prefix)

    assert ended.again().prepare() == ended.judged["prepared"]
    assert contents(ended.run, ended.run.prefix) == before


def test_package_adds_the_releases_code_and_names_the_archive_by_its_digest(ended: Ended, release: Release) -> None:
    packaged, run = ended.judged["packaged"], ended.run

    content = run.store.read(run.store.key_of(packaged["model_data_uri"]))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        installed = {"code/pyproject.toml", "code/in_tree_backend.py"}
        assert set(archive.getnames()) == {"model.json", "code/inference.py", "code/train.py"} | installed
        member = archive.extractfile("code/inference.py")
        assert member is not None
        assert member.read() == release.scripts["inference.py"]
    assert packaged["digest"] == hashlib.sha256(content).hexdigest()
    assert packaged["environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }
    assert (packaged["model_name"], packaged["transform_job_name"]) == (
        f"{run.run_id}-model-1",
        f"{run.run_id}-holdout-1",
    )


def test_package_refuses_a_pickle_and_leaves_no_archive(run: RunSoFar) -> None:
    with pytest.raises(TrainingRejected, match=r"model\.pkl.*prefer formats that cannot execute code"):
        run.package({"model.pkl": b"\x80\x04."})
    assert not run.store.exists(f"{run.judged}model/model.tar.gz")


def test_package_reads_no_artifact_but_the_runs_own(run: RunSoFar) -> None:
    run.prepare()
    written = run.write_artifact({"model.json": b"{}"})

    for replaced, message in (
        (("coupon-redemption-20170701", "another"), "expected it below s3://store/runs/coupon_redemption/"),
        (("model.tar.gz", "other.tar.gz"), "is missing; train.py must save its model into SM_MODEL_DIR"),
    ):
        with pytest.raises(TrainingRejected, match=message):
            call(training.package, {**run.event, "phase": "judged", "model_artifact": written.replace(*replaced)})


def test_evaluate_measures_the_recipe_on_later_time_and_registers_nothing_yet(
    run: RunSoFar, sagemaker: SageMakerClient
) -> None:
    before = packages(sagemaker)

    evaluated = run.evaluate()

    metrics = evaluated["metrics"]
    assert (metrics["rows"], metrics["positives"]) == (60, 24)
    assert metrics["auc"] == 1.0
    assert metrics["prior"] == pytest.approx(36 / 120)
    assert metrics["baseline_feature"] == "redemptions_365d"
    assert (evaluated["refit"], evaluated["model_package_arn"]) == (True, None)
    assert run.store.read_json(f"{run.prefix}evaluation.json") == metrics
    assert packages(sagemaker) == before


def test_the_final_fit_learns_from_all_decisions_under_names_and_keys_of_its_own(ended: Ended) -> None:
    run, judged = ended.run, ended.judged

    prepared, packaged = run.answers["prepared"], run.answers["packaged"]
    assert (prepared["rows"], prepared["holdout_rows"]) == (240, 60)
    assert len(run.store.read(f"{run.prefix}train/train.csv").splitlines()) == 240
    assert prepared["hyperparameters"] == judged["prepared"]["hyperparameters"]
    assert (prepared["job_name"], packaged["model_name"]) == (f"{run.run_id}-refit-1", f"{run.run_id}-refit-model-1")
    assert packaged["transform_job_name"] == f"{run.run_id}-refit-holdout-1"
    assert packaged["model_data_uri"] == f"s3://store/{run.prefix}model/model.tar.gz"
    assert packaged["digest"] != judged["packaged"]["digest"]
    assert ended.files == ended.files_then != {}


def test_register_offers_the_final_fit_with_the_figures_of_the_judged_one(
    ended: Ended, release: Release, sagemaker: SageMakerClient
) -> None:
    run, registered, judged = ended.run, ended.registered, ended.judged["evaluated"]["metrics"]

    assert registered["metrics"] == judged
    package = sagemaker.describe_model_package(ModelPackageName=registered["model_package_arn"])
    assert package["ModelPackageGroupName"] == GROUP
    assert package["ModelPackageVersion"] == registered["model_package_version"]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"] == {
        "run_id": run.run_id,
        "digest": run.answers["packaged"]["digest"],
        "release": release.digest,
        "dataset_id": DATASET,
    }
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == f"s3://store/{run.prefix}model/model.tar.gz"
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert json.loads(run.store.read(run.store.key_of(statistics["S3Uri"]))) == judged


def test_a_line_that_does_not_refit_registers_the_judged_fit_as_the_next_version(
    ended: Ended, run_without_refit: RunSoFar, sagemaker: SageMakerClient
) -> None:
    run, before = run_without_refit, len(packages(sagemaker))

    evaluated = run.evaluate()

    assert (evaluated["refit"], evaluated["model_package_version"]) == (False, before + 1)
    assert len(packages(sagemaker)) == before + 1 >= 2
    assert run.answers["packaged"]["model_data_uri"] == f"s3://store/{run.prefix}model/model.tar.gz"
    record = run.store.read_json(f"{run.prefix}run.json")
    assert record["judged"] == record["delivered"]
    assert record["delivered"]["rows"] == 120
    assert not list(run.store.list(run.judged))


def test_register_again_registers_nothing_new(ended: Ended, sagemaker: SageMakerClient) -> None:
    before = packages(sagemaker)

    assert ended.again().register([f"{row[0]},0.5" for row in asked_of_a_final_fit(ended.run)]) == ended.registered
    assert packages(sagemaker) == before


def test_the_record_holds_what_repeating_the_run_takes(ended: Ended, release: Release) -> None:
    run = ended.run

    record = run.store.read_json(f"{run.prefix}run.json")
    assert record["release"] == release.digest
    assert record["dataset"]["dataset_id"] == DATASET
    assert record["split"] == {
        "holdout_from": "2017-06-01T00:00:00.000000Z",
        "holdout_to": "2017-06-01T00:00:00.000000Z",
        "holdout_rows": 60,
        "purged_rows": 60,
    }
    assert record["image"]["uri"] == run.answers["prepared"]["image"]
    assert record["hyperparameters"]["seed"] == "7"
    assert record["seeds"] == {"bootstrap": 0, "training": "7"}
    for name, folder, rows, answers in (
        ("judged", run.judged, 120, ended.judged),
        ("delivered", run.prefix, 240, run.answers),
    ):
        fit, train = record[name], run.store.read(f"{folder}train/train.csv")
        assert fit["rows"] == rows
        assert fit["jobs"]["training"] == answers["prepared"]["job_name"]
        assert fit["jobs"]["holdout"] == answers["packaged"]["transform_job_name"]
        assert fit["archive"]["digest"] == answers["packaged"]["digest"]
        assert fit["files"]["train"] == {
            "uri": f"s3://store/{folder}train/train.csv",
            "digest": hashlib.sha256(train).hexdigest(),
        }
        assert fit["encoding"] == Encoding.from_json(run.store.read_json(f"{folder}encoding.json")).digest
    assert set(record["measured_with"]) == {"python", "numpy", "duckdb"}


def test_the_record_says_who_scored_in_the_end(run: RunSoFar, sagemaker: SageMakerClient) -> None:
    run.prepare()
    assert run.answers["prepared"]["scored_by"] == "function"
    told = {"scored_by": "transform", "scored_by_because": "the function failed with JobFailed"}
    run.answers["scored"] = {"judged": told, "final": {}}
    run.register()
    record = run.store.read_json(f"{run.prefix}run.json")
    assert record["judged"]["scored_by"] == {"by": "transform", "because": told["scored_by_because"]}
    assert record["delivered"]["scored_by"]["by"] == "function"


def test_the_size_of_a_batch_counts_what_is_asked_twice(run: RunSoFar, monkeypatch: pytest.MonkeyPatch) -> None:
    run.prepare()
    held = [row for row in run.batch() if "~" not in row[0]]
    monkeypatch.setattr(places, "MEBIBYTE", sum(len(",".join(row)) + 2 for row in held) * 1.5 / 4)
    assert run.prepare()["scored_by"] == "transform"
    assert run.prepare("final")["scored_by"] == "function"


def test_an_unusable_answer_to_a_changed_row_leaves_a_figure_out_and_stops_no_run(run: RunSoFar) -> None:
    run.prepare()
    run.evaluate([f"{row[0]},{'nan' if row[0].endswith('~') and '~~' not in row[0] else 0.5}" for row in run.batch()])
    stable = run.store.read_json(f"{run.prefix}validation.json")["stability"]
    assert stable["change"] is None
    assert "score 'nan' is not finite" in stable["unusable"]


def test_the_digest_of_the_holdout_is_of_the_holdout_alone(ended: Ended) -> None:
    """As earlier versions recorded it, so that their runs still compare."""
    run = ended.run
    rows = run.store.read(f"{run.judged}holdout/input/batch.csv").splitlines(keepends=True)
    files = run.store.read_json(f"{run.prefix}run.json")["judged"]["files"]
    for name, part in (("holdout", rows[:60]), ("again", rows[60:120])):
        assert files[name]["digest"] == hashlib.sha256(b"".join(part)).hexdigest()


def packages(sagemaker: SageMakerClient) -> list[Any]:
    return list(sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"])


UNTRUSTED: list[tuple[Callable[[list[str]], list[str]], str]] = [
    (lambda lines: lines[:-1], "answered (119 of 120|1319 of 1320) rows"),
    (lambda lines: [lines[1], lines[0], *lines[2:]], "output line 1 is of"),
    (lambda lines: [f"{lines[0].split(',')[0]},nan", *lines[1:]], "score 'nan' is not finite"),
]


@pytest.mark.parametrize("phase", ["judged", "final"])
def test_answers_that_cannot_be_trusted_register_nothing(
    run: RunSoFar, fitted: RunSoFar, sagemaker: SageMakerClient, phase: str
) -> None:
    if phase == "final":
        run = fitted
    else:
        run.package()
    lines, before = [f"{row[0]},0.5" for row in run.batch()], packages(sagemaker)

    for change, message in UNTRUSTED:
        with pytest.raises(TrainingRejected, match=f"{phase} fit: holdout: .*{message}"):
            run.evaluate(change(lines), phase=phase)
    assert packages(sagemaker) == before
    assert not run.store.exists(f"{run.prefix}run.json")


def test_no_answers_at_all_are_said(run: RunSoFar) -> None:
    run.package()

    with pytest.raises(TrainingRejected, match=r"answered nothing: .*batch.csv.out is missing; see the log"):
        call(training.evaluate, {**run.event, "phase": "judged"})


def test_the_lines_own_scripts_train_on_these_files_and_answer_the_holdout(run: RunSoFar, tmp_path: Path) -> None:
    prepared = run.prepare()
    for name in ("train.csv", "schema.json"):
        run.store.download(f"{run.judged}train/{name}", tmp_path / name)
    code = tmp_path / "code"
    code.mkdir()
    for item in run.store.list(run.store.key_of(prepared["code_uri"])):
        run.store.download(item.key, code / Path(item.key).name)
    model = tmp_path / "model"
    model.mkdir()
    environment = {"PATH": os.environ["PATH"], "SM_CHANNEL_TRAIN": str(tmp_path), "SM_MODEL_DIR": str(model)}
    python(code, environment, "train.py", "--rounds", "30")
    artifact = {path.name: path.read_bytes() for path in model.iterdir()}
    run.package(artifact)
    rows = "".join(f"{','.join(row[1:])}\n" for row in run.batch())

    answers = python(code, environment, "-c", SERVE, str(model), text=rows).splitlines()
    metrics = run.evaluate([f"{row[0]},{answer}" for row, answer in zip(run.batch(), answers, strict=True)])["metrics"]

    # The holdout has positives at a value that was none in the training part.
    assert metrics["auc"] > 0.85
    assert metrics["log_loss"] < metrics["prior_log_loss"]


SERVE = """
import sys, inference
rows = inference.input_fn(sys.stdin.read(), "text/csv")
print(inference.output_fn(inference.predict_fn(rows, inference.model_fn(sys.argv[1])), "text/csv")[0], end="")
"""


def python(code: Path, environment: dict[str, str], *command: str, text: str = "") -> str:
    """Run a script in the code's folder with nothing of this process's environment."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=code,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_model_that_was_only_judged_does_not_stay(run: RunSoFar, sagemaker: SageMakerClient) -> None:
    name = run.package()["model_name"]
    role = "arn:aws:iam::123456789012:role/jobs"
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "image"})

    run.evaluate()

    assert name not in {model["ModelName"] for model in sagemaker.list_models()["Models"]}
    run.evaluate()


REPEATED = Validation(replicate=True)


def test_a_fit_that_repeats_gives_what_is_kept_beside_the_figures(
    run: RunSoFar, release: Release, release_as: ReleaseAs
) -> None:
    assert run.begin()["replicate"] is False
    run.answers.clear()
    release_as(replace(release.line, validation=REPEATED))
    assert run.begin()["replicate"] is True
    replica = run.prepare("replica")
    run.package({"model.json": b"{}"}, phase="replica")
    run.write_scores([f"{row[0]},{float(row[1]) / 10}" for row in run.batch()])
    judged = run.prepare()
    run.package({"model.json": b"{}"})
    assert (judged["rows"], judged["hyperparameters"]) == (replica["rows"], replica["hyperparameters"])
    assert judged["output_uri"] != replica["output_uri"]

    assert run.evaluate()["blocked"] == []

    found = run.store.read_json(f"{run.prefix}validation.json")["replication"]
    assert (found["replicated"], found["differs"], found["rows"]) == (True, None, 60)


def test_a_fit_that_does_not_repeat_ends_the_run_before_anything_is_registered(
    run: RunSoFar, release: Release, release_as: ReleaseAs, sagemaker: SageMakerClient
) -> None:
    before = packages(sagemaker)
    release_as(replace(release.line, validation=REPEATED))
    run.prepare("replica")
    run.package({"model.json": b"{}"}, phase="replica")
    run.write_scores([f"{row[0]},{float(row[1]) / 11}" for row in run.batch()])
    run.fit_side_by_side()

    (said,) = run.evaluate()["blocked"]

    assert said.startswith("The repeated fit does not replicate: ")
    assert "began to differ in the model. Seed every random choice" in said
    assert packages(sagemaker) == before
    assert run.store.read_json(f"{run.prefix}run.json")["validation"]["replication"]["replicated"] is False


def test_a_run_that_repeats_another_ends_with_the_comparison_and_registers_nothing(
    ended: Ended, run: RunSoFar, release: Release, sagemaker: SageMakerClient
) -> None:
    before = packages(sagemaker)
    begun = run.begin(**repeating(ended, release))
    assert (begun["replicates"], begun["refit"], begun["replicate"]) == (ended.run.run_id, False, False)

    evaluated = run.evaluate()

    assert (evaluated["blocked"], evaluated["model_package_arn"]) == ([], None)
    found = run.store.read_json(f"{run.prefix}run.json")["validation"]["replication"]
    assert (found["replicated"], found["differs"], found["rows"]) == (True, None, 60)
    assert packages(sagemaker) == before


def test_a_run_that_gives_other_answers_than_the_one_it_repeats_did_not_pass(
    ended: Ended, run: RunSoFar, release: Release
) -> None:
    run.begin(**repeating(ended, release))
    run.package()
    (said,) = run.evaluate([f"{row[0]},{float(row[1]) / 11}" for row in run.batch()])["blocked"]
    assert said.startswith("The repeated fit does not replicate: ")


def test_only_the_same_question_repeats_a_run(ended: Ended, run: RunSoFar, release: Release) -> None:
    asked = repeating(ended, release)
    for other, name in (
        ({"as_of": "2017-07-02"}, "as_of"),
        ({"hyperparameters": {"rounds": 7}}, "hyperparameters"),
    ):
        with pytest.raises(RequestRefused, match=f"{name}: .*as run {ended.run.run_id} had it") as refused:
            run.begin(**{**asked, **other})
        assert refused.value.where == f"TrainingRequest: {name}"
    with pytest.raises(NotFound, match="run 'another' of line coupon_redemption has no record"):
        run.begin(**{**asked, "replicates": "another"})


def repeating(ended: Ended, release: Release) -> dict[str, Any]:
    """What `line runs replicate` asks for."""
    record = ended.run.store.read_json(f"{ended.run.prefix}run.json")
    asked = request_of(record).to_json()
    assert (asked.pop("line"), asked["release"]) == (LINE, release.digest)
    return asked


RECIPE = Validation(folds=2, fold_thresholds={"auc": 0.5}, planted_noise=True, learning_curve=(0.5,))


def looked_into(run: RunSoFar, sagemaker: SageMakerClient, *, spoilt: str = "") -> list[str]:
    """Every further fit up to its answers, as the machine leaves them; the names of their models.

    Answers grow with what decides the outcome in this dataset; those of `spoilt` fall with it.
    """
    models, role = [], "arn:aws:iam::123456789012:role/jobs"
    for name in run.begin()["further"]:
        run.prepare(name)
        models.append(str(run.package(phase=name)["model_name"]))
        sagemaker.create_model(ModelName=models[-1], ExecutionRoleArn=role, PrimaryContainer={"Image": "image"})
        sign = -1 if name == spoilt else 1
        run.write_scores([f"{row[0]},{0.5 + sign * float(row[1]) / 100}" for row in run.batch()])
    run.prepare()
    run.package()
    return models


def recipe_of(release: Release, **declared: Any) -> Any:
    training = replace(release.line.training, minimum_rows=20)
    return replace(release.line, training=training, validation=replace(RECIPE, **declared))


def test_further_fits_are_judged_kept_beside_the_figures_and_their_models_go(
    run: RunSoFar, release: Release, release_as: ReleaseAs, sagemaker: SageMakerClient
) -> None:
    release_as(recipe_of(release))
    models = looked_into(run, sagemaker)
    assert run.answers["context"]["further"] == ["fold-1", "fold-2", "noise", "part-1"]
    jobs = [f"{run.run_id}-{step}-1" for step in ("fold1-model", "fold2-model", "noise-model", "part1-model")]
    assert models == jobs

    assert run.evaluate()["blocked"] == []

    found = run.store.read_json(f"{run.prefix}validation.json")
    assert [found["folds"][name]["measures"]["auc"]["figure"] > 0.9 for name in ("fold-1", "fold-2")] == [True, True]
    assert found["folds"]["fold-1"]["to"] < found["folds"]["fold-2"]["from"] <= found["folds"]["fold-2"]["to"]
    assert found["noise"]["importance"]["features"]["planted_noise"]["figure"] == 0
    assert found["learning_curve"]["part-1"]["learnt"] == run.answers["prepared"]["rows"] // 2
    assert set(found["importance"]["features"]) == set(release.line.features)
    assert not {model["ModelName"] for model in sagemaker.list_models()["Models"]} & set(models)
    run.register()
    record = run.store.read_json(f"{run.prefix}run.json")
    assert set(record["further"]) == {"fold-1", "fold-2", "noise", "part-1"}
    assert record["further"]["noise"]["jobs"]["training"] == f"{run.run_id}-noise-1"
    # A run that repeats this one repeats its judged fit alone.
    again = RunSoFar(run.store, run.control, run.dataset, f"{run.run_id}-again")
    assert again.begin(**request_of(record).to_json())["further"] == []


def test_a_recipe_whose_worst_fold_misses_its_limit_is_blocked(
    run: RunSoFar, release: Release, release_as: ReleaseAs, sagemaker: SageMakerClient
) -> None:
    release_as(recipe_of(release))
    looked_into(run, sagemaker, spoilt="fold-2")

    (said,) = run.evaluate()["blocked"]

    assert "The AUC of the worst fold, fold-2 is 0" in said
    assert "expected at least 0.5." in said
    assert run.store.read_json(f"{run.prefix}run.json")["further"]["fold-2"]["rows"] > 20


@pytest.mark.parametrize("phase", ["judged", "final"])
def test_a_model_that_would_score_otherwise_than_it_was_judged_is_refused(
    run: RunSoFar, fitted: RunSoFar, sagemaker: SageMakerClient, phase: str
) -> None:
    """It answers by a row's place, as one that keeps something of the rows before does."""
    if phase == "final":
        run = fitted
    else:
        run.package()
    before = packages(sagemaker)
    by_place = [f"{row[0]},{place / 9999}" for place, row in enumerate(run.batch())]

    with pytest.raises(TrainingRejected, match=f"{phase} fit: holdout, asked again as the line scores: decision d1-"):
        run.evaluate(by_place, phase=phase)

    assert packages(sagemaker) == before
