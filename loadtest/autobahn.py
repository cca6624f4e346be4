"""The Autobahn test suite against both roles: ``python loadtest/autobahn.py [--profile short|full]``.

The suite (PyPI: autobahntestsuite) runs on Python 2.7 only; it is set up once, with the versions of
``autobahn-pins.txt``, in ``--home`` (``~/.cache/waterspout-autobahn``). Its client tests our server and its server our
client (``autobahn_peers.py``). The profile ``short`` has every kind of case and takes about a minute a role; ``full``
has all 517. Prints a table of verdicts by section, names each case that is not OK, and exits with 1 if one failed, was
NON-STRICT, or is missing; 2 if the suite could not be set up. Cases 7.1.6, 7.13.x and the like that the suite calls
INFORMATIONAL or UNIMPLEMENTED are counted by themselves.

``full`` takes an hour or two. With ``--resume FOLDER`` it runs section by section (9.1, 9.2, ... 13.7), keeps what each
gave in FOLDER, and takes over those that are complete there: an interrupted run is gone on with, and a section whose
folder is removed is run anew. ``--jobs 2`` runs two sections beside each other.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import contextlib
import fnmatch
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINS = HERE / "autobahn-pins.txt"
PEERS = HERE / "autobahn_peers.py"
AGENT = "waterspout"
VIRTUALENV = "virtualenv==20.15.1"  # the last that runs on 2.7
#: Patterns of cases. Short leaves out the long ones of 9 (limits), and of 12 and 13 (compression) all sizes but three.
SHORT = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.1.1", "9.1.2", "9.2.1", "9.3.4", "9.4.4", "9.5.5",
         "9.6.5", "9.7.1", "9.8.1", "10.*", "12.*.1", "12.*.5", "12.1.11", "13.*.1", "13.*.5", "13.3.11")  # fmt: skip
PROFILES = {"short": SHORT, "full": ("*",)}
#: Verdicts that are not a failure: INFORMATIONAL cases have no right answer (7.1.6, 7.13).
GOOD = frozenset({"OK", "INFORMATIONAL"})
#: What the two roles are called by the suite's modes.
MODES = {"server": "fuzzingclient", "client": "fuzzingserver"}
#: Seconds without a word from the other side after which a run is given up.
PATIENCE = 60


class SetupError(Exception):
    """The suite cannot be run here; the text says what to do."""


def find_python27(given: str | None) -> str:
    candidates = [given] if given else ["python2.7", *map(str, Path.home().glob(".pyenv/versions/2.7*/bin/python2.7"))]
    for candidate in candidates:
        path = shutil.which(candidate)
        # pyenv's stand-ins exist without the interpreter behind them
        if path and subprocess.run([path, "-c", "import ssl"], capture_output=True).returncode == 0:
            return path
    raise SetupError(f"no Python 2.7 among {', '.join(candidates)}: `pyenv install 2.7.18`, or give one by --python27")


def set_up(home: Path, python27: str | None) -> Path:
    """The suite's interpreter in an environment below *home*, made anew when the pins have changed."""
    home = home / hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]
    python = home / "venv" / "bin" / "python"
    ready = home / "ready"
    if ready.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    base = find_python27(python27)
    # What constrains the Python that runs this, wheels of this checkout among it, is not for 2.7.
    kept = {name: value for name, value in os.environ.items() if name not in ("PIP_CONSTRAINT", "PIP_FIND_LINKS")}
    env = {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONWARNINGS": "ignore"}
    seen = {**env, "PYTHONPATH": str(home / "virtualenv")}
    for command, variables in (
        ([base, "-m", "pip", "install", "-q", "--target", str(home / "virtualenv"), VIRTUALENV], env),
        ([base, "-m", "virtualenv", "-q", str(home / "venv")], seen),
        ([str(python), "-m", "pip", "install", "-q", "--no-deps", "-r", str(PINS)], env),
    ):
        print("$", *command, file=sys.stderr)
        if subprocess.run(command, env=variables).returncode:
            raise SetupError(f"the suite could not be set up: {' '.join(command)}")
    ready.touch()
    return python


def all_cases(python: Path) -> list[str]:
    """The ids of the suite's cases, in its order."""
    code = "import autobahntestsuite.case as c; from autobahntestsuite.caseset import CaseSet; "
    code += "ids = CaseSet('', 'Case', c.Cases, c.CaseCategories, c.CaseSubCategories).CasesIndices; "
    code += "print(' '.join(sorted(ids, key=ids.get)))"
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    listed = subprocess.run([python, "-c", code], capture_output=True, text=True, env=env)
    if listed.returncode:
        raise SetupError(f"the suite does not list its cases: {listed.stderr.strip()[-500:]}")
    return listed.stdout.split()


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """The process of *command*, in a session of its own, ended at the end."""
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wstest(python: Path, role: str, spec: dict[str, object], work: Path) -> list[str]:
    path = work / f"{role}.json"
    path.write_text(json.dumps(spec))
    return [str(python.with_name("wstest")), "-m", MODES[role], "-u", "0", "-s", str(path)]


def run(role: str, python: Path, cases: list[str], work: Path, limit: float) -> dict[str, dict[str, object]]:
    """The suite's verdicts by case. Raises TimeoutError after *limit* seconds, RuntimeError if a side breaks down."""
    reports = work / f"reports-{role}"
    spec: dict[str, object] = {"outdir": str(reports), "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}
    ours = [sys.executable, str(PEERS)]
    if role == "server":
        with running([*ours, "server"], work / "server.log") as server:
            assert server.stdout is not None
            url = f"ws://127.0.0.1:{int(server.stdout.readline())}"
            spec |= {"servers": [{"agent": AGENT, "url": url}]}
            with running(wstest(python, role, spec, work), work / "wstest-server.log") as suite:
                suite.wait(limit)
    else:
        url = f"ws://127.0.0.1:{free_port()}"
        spec |= {"url": url}
        with running(wstest(python, role, spec, work), work / "wstest-client.log") as suite:
            wait_for_port(int(url.rpartition(":")[2]), suite)
            with running([*ours, "client", url], work / "client.log") as client:
                if client.wait(limit):
                    raise RuntimeError(f"our client broke down: {(work / 'client.log').read_text()[-2000:]}")
    index = reports / "index.json"
    if not index.exists():
        raise RuntimeError(f"no report: {(work / f'wstest-{role}.log').read_text()[-2000:]}")
    verdicts: dict[str, dict[str, object]] = json.loads(index.read_text())[AGENT]
    return verdicts


def group_of(case: str) -> str:
    """The section of *case*, or the part of it where sections take long: 7, but 9.1 and 13.3."""
    section, part = case.split(".")[:2]
    return f"{section}.{part}" if int(section) >= 9 else section


def run_by_group(
    roles: list[str], python: Path, wanted: list[str], folder: Path, limit: float, jobs: int
) -> dict[str, dict[str, dict[str, object]]]:
    """The verdicts by role and case, group by group; those that *folder* holds complete are not run again.

    A group that breaks down is reported and its cases are missing; the others are run all the same.
    """
    groups: dict[str, list[str]] = collections.defaultdict(list)
    for case in wanted:
        groups[group_of(case)].append(case)
    verdicts: dict[str, dict[str, dict[str, object]]] = {role: {} for role in roles}

    def run_one(role: str, group: str) -> None:
        cases = groups[group]
        work = folder / role / group
        index = work / f"reports-{role}" / "index.json"
        found = json.loads(index.read_text())[AGENT] if index.exists() else {}
        if not set(cases) <= set(found):
            work.mkdir(parents=True, exist_ok=True)
            started = time.monotonic()
            try:
                found = run(role, python, cases, work, limit)
            except (RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
                print(f"{role} {group}: {error}", file=sys.stderr, flush=True)
                return
            print(f"{role} {group}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        verdicts[role].update(found)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(run_one, role, group) for group in groups for role in roles]:
            future.result()
    return verdicts


def wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the suite's server does not listen on port {port}") from error
            time.sleep(0.1)


def report(role: str, wanted: list[str], verdicts: dict[str, dict[str, object]]) -> int:
    """Print the table of *role*; the number of cases that are not as they should be."""
    sections: dict[int, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    wrong = []
    for case in wanted:
        verdict = verdicts.get(case, {"behavior": "MISSING", "behaviorClose": "MISSING"})
        behavior, closing = str(verdict["behavior"]), str(verdict["behaviorClose"])
        sections[int(case.split(".")[0])][behavior if behavior not in GOOD or closing in GOOD else "CLOSE"] += 1
        if behavior not in GOOD or closing not in GOOD:
            wrong.append(f"  {case}: {behavior}, closing {closing}")
    columns = sorted({name for counts in sections.values() for name in counts})
    print(f"\n{role}: {len(wanted)} cases")
    print("  section" + "".join(f"{name:>16}" for name in columns))
    for section, counts in sorted(sections.items()):
        print(f"  {section:7}" + "".join(f"{counts[name]:16}" for name in columns))
    total = sum(sections.values(), collections.Counter())
    print("  all    " + "".join(f"{total[name]:16}" for name in columns))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return len(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=PROFILES, default="short")
    parser.add_argument("--cases", help="comma separated patterns of case ids, in place of a profile: 9.*,12.1.1")
    parser.add_argument("--role", choices=(*MODES, "both"), default="both")
    parser.add_argument("--python27", help="the interpreter for the suite; by default python2.7, or pyenv's")
    parser.add_argument("--home", type=Path, default=Path.home() / ".cache" / "waterspout-autobahn")
    parser.add_argument("--reports", type=Path, help="keep the suite's reports and logs in this folder")
    parser.add_argument("--resume", type=Path, help="run by sections; keep, or take over, their reports in this folder")
    parser.add_argument("--jobs", type=int, default=1, help="roles at once, or sections with --resume")
    parser.add_argument("--limit", type=float, default=3600, help="seconds for one role, or one section with --resume")
    options = parser.parse_args()
    patterns = options.cases.split(",") if options.cases else PROFILES[options.profile]
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="autobahn.") as temporary:
        work = options.reports.resolve() if options.reports else Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        try:
            python = set_up(options.home, options.python27)
            wanted = [case for case in all_cases(python) if any(fnmatch.fnmatchcase(case, p) for p in patterns)]
        except SetupError as error:
            print(error, file=sys.stderr)
            return 2
        roles = list(MODES) if options.role == "both" else [options.role]
        if options.resume:
            folder = options.resume.resolve()
            verdicts = run_by_group(roles, python, wanted, folder, options.limit, options.jobs)
            wrong = sum(report(role, wanted, verdicts[role]) for role in roles)
        else:
            started = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                runs = [pool.submit(run, role, python, wanted, work, options.limit) for role in roles]
                for role, done in zip(roles, runs, strict=True):
                    wrong += report(role, wanted, done.result())
                    print(f"  done after {time.monotonic() - started:.0f} s")
    print(f"\nautobahn: {'0 failed, 0 non-strict' if not wrong else f'{wrong} not as they should be'}")
    return 1 if wrong or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
