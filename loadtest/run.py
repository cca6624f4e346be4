"""Start a server on a free port, run Locust against it without a window, and exit with Locust's code.

``python loadtest/run.py [--server FILE] [-u USERS] [-t SECONDS] [other options of locust]``; ``-u`` counts the readers,
the publisher comes on top, and ``-t`` is how long messages are published: the run itself ends when everybody has the
last one. Exits with 1, too, when the server died, wrote anything to its standard error, or did not start.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from target import HERE, environment

START_AND_DRAIN_SECONDS = 90


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", type=Path, default=HERE / "server.py")
    parser.add_argument("-f", "--locustfile", type=Path, default=HERE / "locustfile.py")
    parser.add_argument("-u", "--users", type=int, default=200)
    parser.add_argument("-r", "--spawn-rate", type=float, default=100)
    parser.add_argument("-t", "--run-time", type=seconds, default=8.0)
    parser.add_argument("--workers", type=int, default=0, help="spread the users over so many processes of Locust")
    parser.add_argument("--namespace", default="waterspout", help="the library that serves: waterspout or tornado")
    options, others = parser.parse_known_args()
    raise_file_limit()
    try:
        env = environment(options.namespace + ".web", sys.executable)
    except LookupError as error:
        sys.exit(str(error))
    with tempfile.TemporaryFile("w+") as complaints:
        command = [sys.executable, str(options.server), "--namespace", options.namespace]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=env)
        assert server.stdout is not None
        try:
            code = _load(options, others, server.stdout.readline())
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


def _load(options: argparse.Namespace, others: list[str], line: str) -> int:
    """Run Locust against the server that wrote ``line`` when it was ready."""
    listening = re.fullmatch(r"listening on (\d+)\n", line)
    if not listening:
        print(f"{options.server} did not say 'listening on PORT' but {line!r}", file=sys.stderr)
        return 1
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(options.locustfile),
        "--host",
        f"http://127.0.0.1:{listening[1]}",
    ]
    command += ["--headless", "--only-summary", "-u", str(options.users + 1), "-r", str(options.spawn_rate)]
    command += [
        "--readers",
        str(options.users),
        "--publish-seconds",
        str(options.run_time),
        "-t",
        f"{options.run_time + START_AND_DRAIN_SECONDS:.0f}s",
        *others,
    ]
    if not options.workers:
        return subprocess.run(command).returncode
    worker = [sys.executable, "-m", "locust", "-f", str(options.locustfile), "--worker", "--only-summary"]
    worker += ["--readers", str(options.users)]
    with tempfile.TemporaryFile("w+") as said, contextlib.ExitStack() as stack:
        for _ in range(options.workers):
            process = subprocess.Popen(worker, stdout=said, stderr=said)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        code = subprocess.run([*command, "--master", "--expect-workers", str(options.workers)]).returncode
        if code:
            said.seek(0)
            print(said.read()[-4000:], file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
