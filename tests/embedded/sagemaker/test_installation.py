"""Scripts are installed as the images install them: by plain pip, without a network."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assembly_line.packages import for_container, packages_of
from tests.wheels import write_wheel

if TYPE_CHECKING:
    from tests.embedded.sagemaker_account import Account

pytest_plugins = ("tests.embedded.sagemaker_account",)

FIT = "import os\nopen(os.environ['SM_MODEL_DIR'] + '/fitted', 'w').close()\n"
# Doubles the first column.
SERVE = """
import io, numpy
def model_fn(folder): return 2
def input_fn(body, kind): return numpy.loadtxt(io.StringIO(body), delimiter=",", ndmin=2)
def predict_fn(rows, model): return rows[:, 0] * model
"""


@pytest.fixture
def account(job_account: Account) -> Account:
    return job_account


def test_a_released_script_trains_with_its_neighbour_in_an_isolated_xgboost_container(account: Account) -> None:
    files = account.released("import steps", "train.py") | {"code/steps.py": FIT}

    job = account.train("import steps", image=account.xgboost, files=files)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert account.files(f"out/{job['TrainingJobName']}/output/model.tar.gz") == {"fitted": b""}


def test_a_folder_without_a_build_backend_fails_where_the_image_installs_it(account: Account) -> None:
    not_installed, refused = (account.train(FIT, image=image) for image in (account.scikit_learn, account.xgboost))

    assert not_installed["TrainingJobStatus"] == "Completed", not_installed.get("FailureReason")
    assert refused["TrainingJobStatus"] == "Failed"
    assert "InstallModuleError" in refused["FailureReason"]
    assert "needs a pyproject.toml that requires nothing" in refused["FailureReason"]


def test_a_container_with_a_network_may_fetch_its_build_tools(account: Account) -> None:
    job = account.train(FIT, image=account.xgboost, EnableNetworkIsolation=False)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def carrying(files: dict[str, str | bytes], *wheels: Path, named: str) -> dict[str, str | bytes]:
    """The code of a release with packages, as its container gets it."""
    requirements = for_container(packages_of({"requirements.txt": named.encode()}, "a line"))
    travelling = {f"code/wheels/{wheel.name}": wheel.read_bytes() for wheel in wheels}
    return {**files, "code/requirements.txt": requirements, **travelling}


@pytest.mark.parametrize("image", ["xgboost", "scikit_learn", "own"])
def test_what_a_release_carries_is_installed_without_a_network(account: Account, image: str, tmp_path: Path) -> None:
    uri, version = getattr(account, image), metadata.version("numpy")
    wheel = write_wheel(tmp_path, "travelled", "1.0", modules={"travelled.py": "FACTOR = 3"}, needs=["numpy"])
    # The image has numpy in that version, so nothing is looked for.
    named = f"travelled==1.0\nnumpy=={version}"
    fit = "import os, travelled\nopen(os.environ['SM_MODEL_DIR'] + '/fitted', 'w').write(str(travelled.FACTOR))\n"
    serve = SERVE.replace("return 2", "import travelled; return travelled.FACTOR")

    trained = account.train(fit, image=uri, files=carrying(account.released(fit, "train.py"), wheel, named=named))
    model = account.create_model(carrying(account.released(serve), wheel, named=named), image=uri)
    served = account.transform(model, "a,1,5\nb,2,5\n")

    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    assert account.files(f"out/{trained['TrainingJobName']}/output/model.tar.gz") == {"fitted": b"3"}
    assert served["TransformJobStatus"] == "Completed", served.get("FailureReason")
    assert [float(line.split(",")[1]) for line in account.output(served).splitlines()] == [3, 6]


@pytest.mark.parametrize("image", ["xgboost", "own"])
def test_a_wheel_for_another_python_is_refused_with_what_to_install(
    account: Account, image: str, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path, "travelled", "1.0", tag="cp27-cp27m-manylinux1_x86_64")
    files = carrying(account.released(FIT, "train.py"), wheel, named="travelled==1.0")

    job = account.train(FIT, image=getattr(account, image), files=files)

    assert job["TrainingJobStatus"] == "Failed"
    assert (
        "no wheel in the folder is for it: install them there by `pip install travelled==1.0`" in job["FailureReason"]
    )


@pytest.mark.parametrize("image", ["xgboost", "scikit_learn"])
def test_both_images_serve_a_released_script_and_refuse_a_plain_one(account: Account, image: str) -> None:
    uri = getattr(account, image)
    plain: dict[str, str | bytes] = {"code/inference.py": SERVE}

    served, refused = (
        account.transform(account.create_model(files, image=uri), "a,1,5\nb,2,5\n")
        for files in (account.released(SERVE), plain)
    )

    assert served["TransformJobStatus"] == "Completed", served.get("FailureReason")
    assert [float(line.split(",")[1]) for line in account.output(served).splitlines()] == [2, 4]
    assert refused["TransformJobStatus"] == "Failed"
    assert "InstallModuleError" in refused["FailureReason"]
