"""Each public package, imported first and alone in a fresh interpreter, from the installed wheels."""

import concurrent.futures
import json
import os
import subprocess
import sys

import pytest

PROBE = """
import importlib, inspect, json, sys
name = sys.argv[1]
module = importlib.import_module(name)
missing = [export for export in module.__all__ if not hasattr(module, export)]
hidden = sorted(
    f"{value.__module__}.{value.__qualname__}"
    for value in (getattr(module, export) for export in module.__all__ if hasattr(module, export))
    if inspect.isclass(value) and value.__module__.startswith("waterspout.") and "._" in value.__module__
)
namespace = getattr(sys.modules["waterspout"], "__file__", None)
third_party = sorted(
    {top for top in {key.split(".")[0] for key in sys.modules} if top in sys.argv[2].split(",")}
)
print(json.dumps({"missing": missing, "hidden": hidden, "namespace": namespace, "third_party": third_party}))
"""
NEEDS_AN_EXTRA = {"waterspout.curl_httpclient": "pycurl"}
EXTRAS = "pycurl,pycares,uvloop,httpx,joserfc,cryptography,redis,tornado"


@pytest.fixture(scope="session")
def reports(modules):
    """What the probe says of each public package: an object, or the text of the failure."""

    def probe(package):
        command = [sys.executable, "-c", PROBE, package, EXTRAS]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return package, json.loads(run.stdout) if run.returncode == 0 else run.stderr.strip()

    public = {module.public_package for module in modules if module.name.startswith("waterspout.")}
    packages = sorted(public - {"waterspout.__main__"})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(probe, packages))


def test_each_public_package_can_be_imported_first(reports):
    failures = []
    for package, report in reports.items():
        if isinstance(report, str):
            extra = NEEDS_AN_EXTRA.get(package)
            if extra is None or f"waterspout-httpclient[{extra.removeprefix('py')}]" not in report:
                failures.append(f"{package}: " + "\n    ".join(report.splitlines()[-3:]))
    assert not failures, "\n".join(failures)


def test_everything_in_all_exists(reports):
    missing = {name: report["missing"] for name, report in reports.items() if isinstance(report, dict)}
    assert not any(missing.values()), missing


def test_public_classes_name_their_public_package(reports):
    hidden = [name for report in reports.values() if isinstance(report, dict) for name in report["hidden"]]
    assert not hidden, f"these say a private module in __module__: {sorted(set(hidden))}"


def test_the_namespace_belongs_to_no_distribution(reports):
    files = {report["namespace"] for report in reports.values() if isinstance(report, dict)}
    assert files == {None}


def test_no_import_loads_an_extra(reports):
    loaded = {
        name: report["third_party"]
        for name, report in reports.items()
        if isinstance(report, dict) and name not in NEEDS_AN_EXTRA and report["third_party"]
    }
    assert not loaded, "imported where it is used, not at import time"
