#!/usr/bin/env bash
# MLflow's database store takes an infinite metric, and reads it back as the largest finite number. NaN it reads back as NaN.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2

cd "$folder"
MLFLOW_DISABLE_TELEMETRY=true MLFLOW_LOGGING_LEVEL=WARNING "$folder/venv/bin/python" - <<'PYTHON'
import math
import sys
import warnings

warnings.simplefilter("ignore")

import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

client = MlflowClient(tracking_uri="sqlite:///runs.db")
run = client.create_run(client.create_experiment("finding")).info.run_id
written = {"above": math.inf, "below": -math.inf, "unknown": math.nan}
client.log_batch(run, metrics=[Metric(name, value, 0, 0) for name, value in written.items()])
read = client.get_run(run).data.metrics

print(f"mlflow {mlflow.__version__}, Python {sys.version.split()[0]}")
for name, value in written.items():
    print(f"  written {value}, read back {read[name]}")

largest = sys.float_info.max
if (read["above"], read["below"]) != (largest, -largest) or not math.isnan(read["unknown"]):
    sys.exit("The behaviour changed: an infinite metric may now be told from a finite one.")
print("An infinite metric is read back as a finite one: it sorts and draws as a figure, and is wrong.")
PYTHON
