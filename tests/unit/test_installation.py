"""The installation: what it does again, what it does not, and what it says when something is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from assembly_line.embedded.child_processes import BUNDLE_ONLY
from tools.installation import commands, java, layer, python_packages
from tools.installation.commands import InstallationError
from tools.installation.steps import Step

ROOT = Path(__file__).resolve().parents[2]


class Recorded:
    """A step that counts its runs and makes its product, or fails."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs, self.fails = folder, 0, False
        (folder / "a.lock").write_text("one")

    def step(self, *settings: str) -> Step:
        return Step(
            stamp=self.folder / "stamps" / "a",
            product=self.folder / "product",
            inputs=(self.folder / "a.lock",),
            settings=settings,
            run=self.run,
        )

    def run(self) -> None:
        self.runs += 1
        if self.fails:
            raise InstallationError("no network")
        (self.folder / "product").touch()


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path)


def test_what_was_done_is_not_done_again(recorded: Recorded) -> None:
    recorded.step().ensure()
    recorded.step().ensure()
    assert recorded.runs == 1


def test_a_changed_lock_is_installed(recorded: Recorded) -> None:
    recorded.step().ensure()
    (recorded.folder / "a.lock").write_text("two")
    assert not recorded.step().is_done()
    recorded.step().ensure()
    assert recorded.runs == 2
    assert recorded.step().is_done()


def test_a_moved_folder_is_installed_anew(recorded: Recorded) -> None:
    recorded.step("/here").ensure()
    assert recorded.step("/here").is_done()
    assert not recorded.step("/there").is_done()


def test_a_deleted_product_is_made_again(recorded: Recorded) -> None:
    recorded.step().ensure()
    (recorded.folder / "product").unlink()
    recorded.step().ensure()
    assert recorded.runs == 2


def test_a_step_that_broke_off_counts_as_not_done(recorded: Recorded) -> None:
    recorded.step().ensure()
    recorded.fails = True
    (recorded.folder / "a.lock").write_text("two")
    with pytest.raises(InstallationError):
        recorded.step().ensure()
    (recorded.folder / "a.lock").write_text("one")
    assert not recorded.step().is_done(), "what the broken step left behind must not pass for the first result"


def test_a_failed_command_is_reported_with_the_end_of_its_output(tmp_path: Path) -> None:
    command: commands.Command = ["sh", "-c", "echo the mirror is down >&2; exit 7"]
    with pytest.raises(InstallationError, match=r"Fetching: sh ended with exit code 7(.|\n)*the mirror is down"):
        commands.run("Fetching", command, log=tmp_path / "log", folder=tmp_path)


def test_a_missing_command_is_reported_by_name(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="Fetching: no-such-command cannot be started"):
        commands.run("Fetching", ["no-such-command"], log=tmp_path / "log", folder=tmp_path)


def test_commands_keep_the_users_mirror_and_lose_what_leads_python_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "file:///mirror")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    variables = commands.environment()
    assert variables["PIP_INDEX_URL"] == "file:///mirror"
    assert variables["PIP_USER"] == "0"
    assert "PYTHONPATH" not in variables


def install(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of tools/install.sh in a folder where nothing is installed."""
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    command: commands.Command = ["/bin/sh", folder / "tools" / "install.sh", "demo"]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with the shell's tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "dirname").symlink_to(shutil.which("dirname") or "")
    return folder


def test_says_that_python_is_missing(tmp_path: Path, bare_path: Path) -> None:
    result = install(tmp_path, PATH=str(bare_path))
    assert result.returncode == 1
    assert "Python 3.11 or newer is needed; tried: python3.14" in result.stderr


def test_says_that_the_named_python_is_too_old(tmp_path: Path, bare_path: Path) -> None:
    old = script(bare_path / "python2", "exit 1")
    result = install(tmp_path, PATH=str(bare_path), PYTHON=str(old))
    assert result.returncode == 1
    assert f"tried: {old}" in result.stderr


def test_says_which_package_is_missing_where_debian_splits_python(tmp_path: Path, bare_path: Path) -> None:
    split = f'case "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"'
    script(bare_path / "python3.12", split)
    result = install(tmp_path, PATH=str(bare_path))
    assert result.returncode == 1
    assert "python3.12 cannot make virtual environments" in result.stderr
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in result.stderr
    assert not (tmp_path / ".venv").exists()


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def fake_java(home: Path, version: int) -> Path:
    settings = f"    java.home = {home}\n    java.specification.version = {version}"
    return script(home / "bin" / "java", f"cat >&2 <<'END'\n{settings}\nEND")


def test_takes_the_releases_of_java_that_spark_runs_on(tmp_path: Path) -> None:
    assert java.fitting_home(fake_java(tmp_path / "new", 21)) == tmp_path / "new"
    assert java.fitting_home(fake_java(tmp_path / "enough", 17)) == tmp_path / "enough"
    assert java.fitting_home(fake_java(tmp_path / "old", 11)) is None
    assert java.fitting_home(fake_java(tmp_path / "too new", 25)) is None


def test_refuses_a_java_without_the_modules_that_spark_starts_with(tmp_path: Path) -> None:
    small = script(tmp_path / "bin" / "java", "echo 'Module jdk.incubator.vector not found' >&2; exit 1")
    assert java.fitting_home(small) is None


@pytest.fixture
def no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java, apt and network."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "DEBIAN_FOLDER", tmp_path / "none")
    return tmp_path


def test_stops_and_says_what_to_install_where_no_java_can_be_had(no_java: Path) -> None:
    with pytest.raises(InstallationError, match=r"need Java 17 or newer.*apt-get install openjdk-17-jre-headless"):
        java.provide(no_java, no_java / "java.lock", hold=0)


@pytest.mark.parametrize("where", ["JAVA_HOME", "PATH", "fetched"])
def test_links_the_java_that_it_finds(no_java: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = no_java / (".tools/jdk/jdk-17" if where == "fetched" else "machine")
    fake_java(home, 17)
    # The fake is a shell script that needs `cat`.
    monkeypatch.setenv("PATH", f"/usr/bin:/bin:{home / 'bin'}" if where == "PATH" else "/usr/bin:/bin")
    monkeypatch.setattr(shutil, "which", _only(home / "bin" if where == "PATH" else no_java))
    if where == "JAVA_HOME":
        monkeypatch.setenv("JAVA_HOME", str(home))
    (no_java / ".tools").mkdir(exist_ok=True)
    java.provide(no_java, no_java / "java.lock", hold=0)
    assert (no_java / ".tools" / "java").resolve() == home


def _only(folder: Path) -> Callable[[str], str | None]:
    return lambda name: str(folder / name) if (folder / name).exists() else None


def test_the_layer_is_stripped_of_what_differs_between_machines(tmp_path: Path) -> None:
    keep = ["numpy/__init__.py", "numpy/core.so", "numpy-2.dist-info/METADATA"]
    drop = [
        "bin/f2py",
        "numpy/tests/test_a.py",
        "numpy/__init__.pyi",
        "numpy/__pycache__/a.pyc",
        "numpy-2.dist-info/RECORD",
        "numpy-2.dist-info/direct_url.json",
        "_duckdb-stubs/__init__.pyi",
    ]
    for name in keep + drop:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    layer.strip(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(keep)


def test_the_packed_layer_has_the_same_bytes_whenever_it_is_packed(tmp_path: Path) -> None:
    contents = {"python/numpy/core.so": b"\x7fELF", "python/numpy/__init__.py": b"x = 1\n" * 99}
    archives = []
    for number, names in enumerate((list(contents), list(reversed(contents)))):
        folder = tmp_path / str(number)
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[name])
            path.chmod(0o600 + number)
            os.utime(path, (number, number))
        layer.pack(folder, tmp_path / f"{number}.zip")
        archives.append(tmp_path / f"{number}.zip")

    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[0]) as packed:
        assert {entry.filename: packed.read(entry) for entry in packed.infolist()} == contents
        # A function runs as a user of its own, who must be able to read them.
        assert {entry.external_attr >> 16 for entry in packed.infolist()} == {0o100644}
    assert not list(tmp_path.glob("*.unfinished"))


def test_the_command_runs_from_anywhere_and_passes_arguments_and_exit_code_on(tmp_path: Path) -> None:
    root = tmp_path / "a folder"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (root / "pyproject.toml").write_text('[project.scripts]\nwork = "shop.main:run"\n')
    (root / "shop").mkdir()
    (root / "shop" / "main.py").write_text("import sys\n\ndef run():\n    print(sys.argv[1:])\n    return 3\n")
    python_packages.write_commands(root)
    work = root / ".venv" / "bin" / "work"
    result = subprocess.run([work, "up", "a b"], cwd="/", capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (3, "['up', 'a b']\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a project of one module, and an environment's folder of packages that knows it."""
    root = tmp_path / "a folder"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text("")
    (root / "packages").mkdir()
    text = python_packages.path_file(root)
    (root / "packages" / python_packages.PATH_FILE).write_text(text)
    return root


def importing(project: Path, **variables: str) -> int:
    """The exit code of a program that imports the project's module from elsewhere."""
    program = f"import site; site.addsitedir({str(project / 'packages')!r}); import shop"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd="/", env=variables, check=False, stderr=subprocess.DEVNULL).returncode


def test_any_program_of_the_environment_imports_the_project_but_those_of_the_embedded_aws(project: Path) -> None:
    assert importing(project) == 0
    assert importing(project, **BUNDLE_ONLY) == 1


def test_the_package_installs_by_pip_and_gives_the_command(tmp_path: Path) -> None:
    source, target, elsewhere = tmp_path / "source", tmp_path / "target", tmp_path / "elsewhere"
    elsewhere.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "assembly_line", source / "assembly_line", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True)

    def said(*command: str | Path) -> str:
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(target)}
        return subprocess.run(command, cwd=elsewhere, env=variables, capture_output=True, text=True, check=True).stdout

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert said(target / "bin" / "line", "--version").strip() == declared
    assert said(sys.executable, "-c", "import assembly_line; print(assembly_line.__file__)").startswith(str(target))
    assert (target / "assembly_line" / "py.typed").is_file()
    # The faces of packages are stubs, which are read at run time.
    for kind in ("*.py", "*.pyi"):
        of_folder = {path.relative_to(ROOT) for path in (ROOT / "assembly_line").rglob(kind)}
        assert {path.relative_to(target) for path in (target / "assembly_line").rglob(kind)} == of_folder
    for data in ("declarations/sagemaker/images.json", "declarations/sagemaker/instance_types.json"):
        assert (target / "assembly_line" / data).is_file()


def test_make_tells_what_there_is() -> None:
    told = subprocess.run(["make", "--silent"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in (
        "demo",
        "test",
        "proof",
        "check",
        "check-deep",
        "check-fast",
        "fix",
        "synth",
        "docs",
        "docs-serve",
        "prose",
        "bench",
        "lock",
        "clean",
    ):
        assert f"make {target} " in told


def test_every_test_lies_where_pytest_looks() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    folders = [ROOT / folder for folder in options["testpaths"]]
    # These need a recorded run, and minutes: `make check-deep` runs them.
    folders.append(ROOT / "tests" / "deep")
    assert "pytest tests/deep" in (ROOT / "Makefile").read_text()
    elsewhere = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if not any(path.is_relative_to(folder) for folder in folders)
    ]
    assert elsewhere == []
