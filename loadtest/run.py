"""Run a Locust scenario without a window: start its server on a free port, and exit with Locust's code.

``python loadtest/run.py [--scenario NAME] [-u USERS] [-t SECONDS] [--html FILE] [other options of locust]``

polling   users long-poll, a publisher publishes: every message reaches each user exactly once (default)
mixed     a site as browsers use it: pages, forms, static files, JSON
sockets   the same accounts as polling, over WebSockets, with echoes in between
members   users sign in with an OpenID provider, long-poll, and ask what the server asks upstream
all       one after the other, as short as continuous integration runs them; ``--html FOLDER``

``-u`` counts the readers, a publisher comes on top, and ``-t`` is how long messages are published: such a run ends when
everybody has the last one. ``--workers 2`` spreads the users over two processes, whose accounts the master adds up.
Exits with 1, too, when the server died, wrote anything to its standard error, or did not start. Thresholds are
options: ``--most-p95 500`` (milliseconds), ``--most-failures``, ``--least-requests``, ``--most-lag``.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from target import HERE, environment

FOLDER = HERE / "scenarios"
START_SECONDS = 30


@dataclass(frozen=True)
class Scenario:
    """A locustfile and its server, in `FOLDER`; whether it has a publisher; what continuous integration asks of it."""

    name: str
    published: bool
    users: int
    short: tuple[str, ...]

    @property
    def locustfile(self) -> Path:
        return FOLDER / f"{self.name}.py"

    @property
    def server(self) -> Path:
        return FOLDER / f"{self.name}_server.py"


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("polling", True, 200, ("-t", "8s")),
        Scenario("mixed", False, 50, ("-t", "15s", "--most-p95", "2000", "--least-requests", "10")),
        Scenario("sockets", True, 100, ("-t", "6s")),
        Scenario("members", True, 50, ("-t", "6s", "--publish-every", "0.5", "--workers", "2")),
    )
}


def seconds(text: str) -> float:
    """``8``, ``8s``, ``2m`` or ``1m30s`` in seconds, as Locust's ``-t`` takes them."""
    found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text)
    if not found or not text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: write 8s, 2m or 1m30s")
    return 60.0 * int(found[1] or 0) + float(found[2] or 0)


def raise_file_limit() -> None:
    """Each user is a socket here and one in the server, which inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):  # some containers allow less than they tell; then what is there must do
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--scenario", choices=(*SCENARIOS, "all"), default="polling")
    made.add_argument("-u", "--users", type=int, help="200, or what the scenario has by default")
    made.add_argument("-r", "--spawn-rate", type=float, default=100)
    made.add_argument("-t", "--run-time", type=seconds, default=8.0)
    made.add_argument("--drain-seconds", type=float, default=30.0, help="how long the last message may take")
    made.add_argument("--workers", type=int, default=0, help="spread the users over so many processes of Locust")
    made.add_argument("--html", type=Path, help="write Locust's report here; a folder with --scenario all")
    made.add_argument("--namespace", default="waterspout", help="polling: the library that serves, or tornado")
    return made


def main() -> int:
    options, others = parser().parse_known_args()
    raise_file_limit()
    if options.scenario != "all":
        return run(SCENARIOS[options.scenario], options, others)
    if options.html is not None:
        options.html.mkdir(parents=True, exist_ok=True)
    codes = {}
    for scenario in SCENARIOS.values():
        print(f"\n== {scenario.name}", flush=True)
        html = [] if options.html is None else ["--html", str(options.html / f"{scenario.name}.html")]
        codes[scenario.name] = run(scenario, *parser().parse_known_args([*scenario.short, *html, *others]))
    print("\n" + ", ".join(f"{name}: {'FAILED' if code else 'ok'}" for name, code in codes.items()))
    return int(any(codes.values()))


def run(scenario: Scenario, options: argparse.Namespace, others: list[str]) -> int:
    """One scenario with its server; the exit code."""
    try:
        env = environment(options.namespace + ".web", sys.executable)
    except LookupError as error:
        sys.exit(str(error))
    with tempfile.TemporaryFile("w+") as complaints:
        command = [sys.executable, str(scenario.server)]
        command += ["--namespace", options.namespace] if scenario.name == "polling" else []
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=env)
        assert server.stdout is not None
        try:
            code = load(scenario, options, others, server.stdout.readline())
            ended = server.poll()
        finally:
            server.terminate()
            server.wait(10)
            server.stdout.close()
        complaints.seek(0)
        text = complaints.read()
    if ended is not None:
        print(f"the server ended by itself with {ended}", file=sys.stderr)
    if text:
        print(f"the server wrote to its standard error:\n{text[:4000]}", file=sys.stderr)
    return code or int(ended is not None or bool(text))


def load(scenario: Scenario, options: argparse.Namespace, others: list[str], line: str) -> int:
    """Run Locust against the server that wrote ``line`` when it was ready."""
    listening = re.fullmatch(r"listening on (\d+)\n", line)
    if not listening:
        print(f"{scenario.server} did not say 'listening on PORT' but {line!r}", file=sys.stderr)
        return 1
    users = options.users or scenario.users
    locust = [sys.executable, "-m", "locust", "-f", str(scenario.locustfile), "--only-summary"]
    readers = ["--readers", str(users)] if scenario.published else []
    command = [*locust, "--host", f"http://127.0.0.1:{listening[1]}", "--headless", "-r", str(options.spawn_rate)]
    command += ["-u", str(users + int(scenario.published)), *readers, *others]
    limit = options.run_time
    if scenario.published:
        # The run ends by itself; this is for one that does not.
        limit += START_SECONDS + users / options.spawn_rate + 3 * options.drain_seconds
        command += ["--publish-seconds", str(options.run_time), "--drain-seconds", str(options.drain_seconds)]
    command += ["-t", f"{limit:.0f}s"]
    if options.html is not None:
        command += ["--html", str(options.html)]
    if not options.workers:
        return subprocess.run(command).returncode
    with tempfile.TemporaryFile("w+") as said, contextlib.ExitStack() as stack:
        for _ in range(options.workers):
            process = subprocess.Popen([*locust, "--worker", *readers], stdout=said, stderr=said)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        code = subprocess.run([*command, "--master", "--expect-workers", str(options.workers)]).returncode
        if code:
            said.seek(0)
            print(said.read()[-4000:], file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
