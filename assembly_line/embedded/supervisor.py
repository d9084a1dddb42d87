"""Starts and stops the embedded AWS, and says what it found: `line up`, `line down`, `line status`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from assembly_line.embedded import addresses, child_processes, processes
from assembly_line.embedded.runtime import Runtime, read_runtime, write_runtime
from assembly_line.embedded.state_folder import StateFolder, explaining_full_disk, moved_aside
from assembly_line.errors import EmbeddedAwsError, RequestRefused

Report = Callable[[str], None]
# A machine that is busy with other things takes its time to write the state; what is written needs no more of it.
PATIENCE_SECONDS = 90.0
GRACE_SECONDS = 10.0
SAVING_MIB = 8


@dataclass(frozen=True, kw_only=True)
class Status:
    """What runs now. `runtime` is None when nothing does; `problems` are sentences for a person."""

    runtime: Runtime | None
    problems: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        return self.runtime is not None and not self.problems


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """How the embedded AWS ended. `clean` means that its whole state was written and the next start finds it.

    Args:
        cut: executions and jobs that were at work and come back as failed, in words.
        waiting: executions that go on after the next start, in words.
    """

    was_running: bool
    clean: bool
    problems: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def start(
    state: Path,
    *,
    fresh: bool = False,
    port: int | None = None,
    interpreters: Mapping[str, str] | None = None,
    report: Report,
) -> Runtime:
    """Start both processes and leave them running; the one that already runs is found and returned.

    Args:
        state: the folder (`.line`) that holds everything; made if it is not there.
        fresh: begin with an empty account, and stop what runs; what somebody made in the account is moved aside.
        port: where the emulator shall listen; by default the operating system chooses.
        interpreters: repository of an image -> a Python that stands for it in jobs.
        report: gets each sentence that a person should read.

    Raises:
        EmbeddedAwsError: the port is taken, the disk is full, a process does not come up.
    """
    declared = dict(interpreters or {})
    folder = StateFolder(state.resolve())
    with explaining_full_disk(folder), folder.locked():
        found = status(folder.root)
        if found.running and found.runtime and not fresh:
            return _already_running(found.runtime, port, declared, report)
        _clear_the_way(folder, found, report)
        if port is not None:
            child_processes.require_free(port)
        folder.check_space()
        unclean = folder.account.exists() and not folder.clean.exists()
        aside = folder.give_way() if fresh else folder.move_aside_if_unclean()
        if aside:
            why = "The last run was not closed cleanly" if unclean else "An empty account takes the place of this one"
            report(moved_aside(aside, why))
        return _start_children(folder, port, declared, report)


def stop(state: Path, *, interrupt: bool = True, report: Report | None = None) -> Stopped:
    """End both processes and see to it that the state is written. Nothing running is not an error.

    Args:
        interrupt: stop even if that cuts work.
        report: gets each sentence that a person should read.

    Raises:
        RequestRefused: it would cut work, and `interrupt` is False; it was left running.
    """
    folder = StateFolder(state.resolve())
    if not folder.root.exists():
        return Stopped(was_running=False, clean=True)
    with folder.locked():
        if not interrupt:
            _require_nothing_at_work(folder.root, hold=True)
        outcome = _stop_locked(folder)
    if report:
        for sentence in _sentences(outcome):
            report(sentence)
    return outcome


def _sentences(outcome: Stopped) -> Iterator[str]:
    yield from (f"Found: {problem}." for problem in outcome.problems)
    if outcome.cut:
        yield "\n  ".join(["Cut while at work; after the next `line up` these have failed:", *outcome.cut])
    if outcome.waiting:
        yield "\n  ".join(["After the next `line up` these go on:", *outcome.waiting])


def require_place_for_state(state: Path) -> None:
    """Raise EmbeddedAwsError if what runs could not write its state when it ended."""
    folder = StateFolder(state.resolve())
    if status(folder.root).running and folder.free_mib() < SAVING_MIB:
        raise EmbeddedAwsError(
            f"{folder.root}: {folder.free_mib()} MiB are free on its file system, too few to write the state "
            f"({SAVING_MIB} MiB are needed); it was left running: free some space, then `line down` again "
            "(--force stops it and gives its state up)"
        )


def require_nothing_at_work(state: Path) -> None:
    """Raise RequestRefused if a stop would cut work. Executions that wait are no such work: they wait on."""
    _require_nothing_at_work(state, hold=False)


def _require_nothing_at_work(state: Path, *, hold: bool) -> None:
    found = status(state)
    cut = child_processes.interruptible(found.runtime, hold=hold) if found.runtime and found.running else []
    if cut:
        raise RequestRefused(
            "\n  ".join(["the embedded AWS was left running, because stopping it would make this fail:", *cut])
            + "\nWait until it has ended (`line status`, `line logs RUN`), or give it up: `line down --interrupt`"
        )


def status(state: Path) -> Status:
    """Look at the recorded processes and ask whether they answer."""
    folder = StateFolder(state.resolve())
    runtime = read_runtime(folder.runtime)
    if runtime is None:
        unreadable = folder.runtime.exists()
        return Status(runtime=None, problems=(f"{folder.runtime} is unreadable",) if unreadable else ())
    dead = [name for name, identity in runtime.processes.items() if not processes.is_alive(identity)]
    if dead:
        gone = ", ".join(f"{name} (process {runtime.processes[name].pid})" for name in dead)
        return Status(runtime=runtime, problems=(f"of the embedded AWS started {runtime.started}, {gone} is gone",))
    silent = [
        child.name
        for child in child_processes.children(runtime, folder)
        if not child_processes.answers(child.ready_url)
    ]
    if silent:
        return Status(runtime=runtime, problems=(f"{', '.join(silent)} is running but does not answer",))
    return Status(runtime=runtime)


def running(state: Path) -> Runtime:
    """The embedded AWS that runs now. Raises EmbeddedAwsError, naming the command that starts it."""
    found = status(state)
    if found.runtime is None or found.problems:
        reason = "; ".join(found.problems) or "nothing is running"
        raise EmbeddedAwsError(f"{state}: {reason}; start it with `line up`")
    return found.runtime


def _already_running(runtime: Runtime, port: int | None, declared: dict[str, str], report: Report) -> Runtime:
    report(f"The embedded AWS is already running at {runtime.endpoint_url}, since {runtime.started}.")
    if port not in (None, runtime.emulator_port):
        report(f"It keeps its port; for port {port} stop it first (`line down`).")
    if declared not in ({}, runtime.interpreters):
        report("It keeps its interpreters; for others stop it first (`line down`).")
    return runtime


def _clear_the_way(folder: StateFolder, found: Status, report: Report) -> None:
    for problem in found.problems:
        report(f"Found: {problem}.")
    if found.runtime is not None:
        _stop_locked(folder)
    folder.runtime.unlink(missing_ok=True)
    # Lambda workers of an emulator that was killed: their programs lie in its temporary folder.
    processes.kill(processes.mentioning(f"{folder.temporary}/"))


def _start_children(folder: StateFolder, port: int | None, declared: dict[str, str], report: Report) -> Runtime:
    folder.prepare()
    folder.saved.unlink(missing_ok=True)
    folder.clean.unlink(missing_ok=True)
    runtime = Runtime(
        root=folder.root,
        emulator_port=addresses.settle(folder, port, report),
        sagemaker_port=child_processes.free_port(),
        processes={},
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
        interpreters=declared,
    )
    started: dict[str, processes.ProcessIdentity] = {}
    try:
        for child in child_processes.children(runtime, folder):
            started[child.name] = child_processes.start(child, folder)
            # Recorded before it is ready: a start that is killed here must not leave a process nobody knows.
            runtime = replace(runtime, processes=dict(started))
            write_runtime(folder.runtime, runtime)
        for child in child_processes.children(runtime, folder):
            child_processes.wait_until_ready(child, started[child.name], folder)
    except BaseException:
        processes.end(list(started.values()), patience_seconds=2)
        folder.runtime.unlink(missing_ok=True)
        raise
    return runtime


def _stop_locked(folder: StateFolder) -> Stopped:
    runtime = read_runtime(folder.runtime)
    if runtime is None:
        return Stopped(was_running=False, clean=folder.clean.exists() or not folder.account.exists())
    alive = {name: who for name, who in runtime.processes.items() if processes.is_alive(who)}
    problems = []
    # The emulator first: what it still finishes may call SageMaker.
    for name in ("emulator", "sagemaker"):
        if name in alive and not _end(alive[name], folder, writes_state=name == "emulator"):
            problems.append(f"{name} did not end within {PATIENCE_SECONDS:.0f} s and was killed")
        elif name in runtime.processes and name not in alive:
            problems.append(f"{name} was already gone")
    if not problems and not folder.saved.exists():
        problems.append(_not_saved(folder))
    saved: dict[str, list[str]] = {}
    if not problems:
        saved = json.loads(folder.saved.read_text(encoding="utf-8"))
        folder.clean.touch()
    folder.runtime.unlink(missing_ok=True)
    return Stopped(
        was_running=bool(alive),
        clean=not problems,
        problems=tuple(problems),
        cut=tuple(saved.get("cut", ())),
        waiting=tuple(saved.get("waiting", ())),
    )


def _end(who: processes.ProcessIdentity, folder: StateFolder, *, writes_state: bool) -> bool:
    """Whether it ended as it should: by itself, or killed in what it still did after its state was written whole."""

    def written() -> bool:
        return writes_state and folder.saved.exists()

    killed = processes.end([who], patience_seconds=PATIENCE_SECONDS, nothing_left=written, grace_seconds=GRACE_SECONDS)
    return not killed or written()


def _not_saved(folder: StateFolder) -> str:
    full = f"; only {folder.free_mib()} MiB are free there" if folder.free_mib() < 1 else ""
    return f"the state could not be written to {folder.services} (see {folder.logs / 'emulator.log'}){full}"


def _versions() -> dict[str, str]:
    packages = ("ministack", "moto", "boto3")
    import platform
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
