"""Synthesizes the CDK app into a cloud assembly, once for each state of its sources, and prepares it for here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from assembly_line.embedded.patience import SYNTHESIS, patience
from assembly_line.embedded.runtime import ACCOUNT, REGION
from assembly_line.embedded.state_folder import StateFolder, explaining_full_disk
from assembly_line.errors import EmbeddedAwsError

Report = Callable[[str], None]
SOURCES = ("app.py", "cdk.json", "stacks", "assembly_line", "lambdas", "glue_jobs", "settings", "requirements")
LINES = "lines"
IGNORED_FOLDERS = frozenset({"__pycache__", "cdk.out", "node_modules", ".venv", ".line"})
# A synthesis that has not ended in a day was killed.
ABANDONED_SECONDS = 86_400
# Those of three environments, and one more that is being changed.
KEPT = 4
EMPTY, SERVED_EMPTY = "EMPTY", "served empty: the emulator's own interpreter brings the packages\n"


def assemble(
    repository: Path, state: Path, report: Report, *, environment: str = "embedded", lines: Path | None = None
) -> Path:
    """The cloud assembly of the app in `repository`, ready to be deployed into the embedded AWS.

    `lines` is the folder of declared lines, by default the app's own.

    It is kept under a digest of its sources, so that an unchanged app is not synthesized again. The templates are the
    very ones of the app; only the content of dependency layers is empty, as it is meant for Lambda's own Python.

    Raises:
        EmbeddedAwsError: the app fails; the message ends with what it printed.
    """
    folder = StateFolder(state.resolve())
    lines = (lines or repository / LINES).resolve()
    digest = sources_digest(repository, environment, lines)
    home = folder.assemblies / digest
    with explaining_full_disk(folder):
        if not (home / "embedded" / "manifest.json").exists():
            folder.root.mkdir(parents=True, exist_ok=True)
            folder.check_space()
            report("Synthesizing the stacks ...")
            began = time.monotonic()
            # A run that was killed may still be writing: each has a folder of its own, named in the end.
            own = folder.assemblies / f".{digest}-{os.getpid()}"
            try:
                _synthesize(repository, folder, own, {"environment": environment, LINES: str(lines)})
                _empty_layers(own)
                shutil.rmtree(home, ignore_errors=True)
                own.rename(home)
            finally:
                shutil.rmtree(own, ignore_errors=True)
            report(f"Synthesized in {time.monotonic() - began:.1f} s.")
        _forget_old(folder.assemblies, keep=home)
    return home / "embedded"


def sources_digest(repository: Path, environment: str, lines: Path | None = None) -> str:
    """Changes whenever anything changes that the templates or the assets are made of."""
    digest = hashlib.sha256()
    for part in (environment, sys.version, _library_version()):
        digest.update(f"{len(part)}:{part}".encode())
    for name, path in _source_files(repository, lines or repository / LINES):
        content = path.read_bytes()
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def _source_files(repository: Path, lines: Path) -> Iterator[tuple[str, Path]]:
    """What the file is called, wherever the folder lies, and the file."""
    if not (repository / "app.py").is_file():
        raise EmbeddedAwsError(f"{repository}: there is no app.py; run this in the project's folder")
    for name, root in (*((name, repository / name) for name in SOURCES), (LINES, lines)):
        if root.is_file():
            yield name, root
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(each for each in folders if each not in IGNORED_FOLDERS)
            for file in (Path(folder) / file for file in sorted(files) if not file.endswith(".pyc")):
                yield f"{name}/{file.relative_to(root).as_posix()}", file


def kept_packages(repository: Path) -> dict[str, str]:
    """Variables by which jsii keeps its packages. Without them it unpacks them on every start."""
    unpacked = repository / ".tools" / "jsii"
    # The installation left it there.
    root = {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(unpacked)} if unpacked.is_dir() else {}
    return {"JSII_RUNTIME_PACKAGE_CACHE": "enabled", **root}


def _library_version() -> str:
    try:
        return version("aws-cdk-lib")
    except PackageNotFoundError as error:
        raise EmbeddedAwsError("aws-cdk-lib is not installed: install the extra `infrastructure`") from error


def _synthesize(repository: Path, folder: StateFolder, home: Path, chosen: dict[str, str]) -> None:
    output = home / "cdk.out"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    settings = json.loads((repository / "cdk.json").read_text(encoding="utf-8"))
    # What the CDK CLI hands over too: the app's context, and that constructs and assets carry their paths.
    context = {
        "aws:cdk:enable-path-metadata": True,
        "aws:cdk:enable-asset-metadata": True,
        "aws:cdk:bundling-stacks": ["**"],
        **settings.get("context", {}),
        **chosen,
    }
    own_programs = str(Path(sys.executable).parent)  # jsii starts `node`
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    variables = {
        **inherited,
        "PATH": os.pathsep.join([own_programs, os.environ.get("PATH", os.defpath)]),
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        **kept_packages(repository),
    }
    log, seconds = folder.logs / "synth.log", patience(SYNTHESIS)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        try:
            answer = subprocess.run(
                [sys.executable, "app.py"], cwd=repository, env=variables, stdout=stream, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise EmbeddedAwsError(
                f"app.py did not end within {seconds} s; its output is in {log}; on a slow machine set {SYNTHESIS} to "
                "more seconds"
            ) from error
    if answer.returncode or not (output / "manifest.json").exists():
        folder.check_space()
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise EmbeddedAwsError("\n  ".join([f"app.py failed (all it printed is in {log}):", *lines[-30:]]))


def _empty_layers(home: Path) -> None:
    """Take out the content of layers. The assembly appears under its final name only after that."""
    synthesized = home / "cdk.out"
    for name in layer_assets(synthesized):
        layer = synthesized / name
        # An archive without any entry is not accepted as one.
        if layer.is_dir():
            shutil.rmtree(layer)
            layer.mkdir()
            (layer / EMPTY).write_text(SERVED_EMPTY, "utf-8")
        else:
            with zipfile.ZipFile(layer, "w") as packed:
                packed.writestr(zipfile.ZipInfo(EMPTY), SERVED_EMPTY)
    synthesized.rename(home / "embedded")


def layer_assets(assembly: Path) -> set[str]:
    """Names of the assets, folders or archives, that are the code of a layer, recognised from the templates."""
    keys = {
        str(resource["Properties"]["Content"].get("S3Key", ""))
        for template in assembly.glob("*.template.json")
        for resource in json.loads(template.read_text(encoding="utf-8")).get("Resources", {}).values()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    }
    hashes = {key.rpartition("/")[2].partition(".")[0] for key in keys}
    return {
        asset["source"]["path"]
        for manifest in assembly.glob("*.assets.json")
        for hash_, asset in _file_assets(manifest).items()
        if hash_ in hashes
    }


def _file_assets(manifest: Path) -> dict[str, Any]:
    files: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8")).get("files", {})
    return files


def _forget_old(assemblies: Path, *, keep: Path) -> None:
    keep.touch()
    ages = {path: time.time() - path.stat().st_mtime for path in assemblies.iterdir() if path.is_dir()}
    unfinished = [path for path in ages if path.name.startswith(".") and ages[path] > ABANDONED_SECONDS]
    finished = sorted((path for path in ages if not path.name.startswith(".")), key=lambda path: ages[path])
    for path in [*unfinished, *finished[KEPT:]]:
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)
