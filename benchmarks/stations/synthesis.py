"""A synthesis of all stacks against a bare app with the same CDK imports, each in processes of its own, by turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = {"app": [sys.executable, "app.py"], "bare": [sys.executable, "-m", "benchmarks.stations.bare_app"]}
TURNS = 6
LIMIT_SECONDS = 180


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in APPS}
    # The first turn fills caches, of the operating system and of the CDK.
    for _ in range(TURNS):
        for name, command in APPS.items():
            taken[name].append(_synthesized(command))
    print(json.dumps({f"{name}_seconds": min(seconds[1:]) for name, seconds in taken.items()}))


def _synthesized(command: list[str]) -> float:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    with tempfile.TemporaryDirectory() as folder:
        variables = {
            **os.environ,
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_OUTDIR": folder,
            "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / ".tools" / "jsii"),
        }
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=True, timeout=LIMIT_SECONDS)
        seconds = time.perf_counter() - began
        if not (Path(folder) / "manifest.json").exists():
            raise RuntimeError(f"{command}: wrote no cloud assembly")
    return seconds


if __name__ == "__main__":
    main()
