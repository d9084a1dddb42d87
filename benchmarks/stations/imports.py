"""Importing one Lambda handler, or only boto3 with a client, in a fresh process: python -m ... MODULE."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time

FORBIDDEN = ("pandas", "awswrangler", "sagemaker", "mlflow")
# What the bare client stands for: a function that does nothing but hold a client.
BARE = "boto3"


def main(module: str) -> None:
    os.environ.update(AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")  # noqa: S106
    began, cpu = time.perf_counter(), time.process_time()
    imported = importlib.import_module(module)
    if module == BARE:
        imported.client("s3")
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    found = [name for name in FORBIDDEN if name in sys.modules]
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "forbidden": found}))


if __name__ == "__main__":
    main(sys.argv[1])
