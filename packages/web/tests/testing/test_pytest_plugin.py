"""The fixtures of the pytest plugin, in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from waterspout import testing

TESTS = """
from contextlib import asynccontextmanager
import pytest
from waterspout import web

class Hello(web.RequestHandler):
    def get(self):
        self.write("hello")

events = []

@asynccontextmanager
async def lifespan(app):
    events.append("entered")
    yield
    events.append("left")

@pytest.fixture
def app():
    events.clear()
    yield web.Application([("/", Hello)], lifespan=lifespan)
    assert events == ["entered", "left"]

@pytest.mark.gen_test
async def test_without_a_socket(app_client):
    assert (await app_client.fetch("/")).body == b"hello" and events == ["entered"]

@pytest.mark.gen_test
async def test_over_a_socket(http_client, base_url, http_port, http_server):
    assert base_url.endswith(str(http_port))
    assert (await http_client.fetch(base_url + "/")).body == b"hello" and events == ["entered"]
"""


def test_fixtures_serve_the_users_app(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(TESTS)
    # The plugins as such, whatever is installed here.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # An editable install holds a copy of the plugin as it was at that time.
    source = Path(testing.__file__).parents[2]
    if (source / "waterspout_web_pytest.py").exists():
        environment["PYTHONPATH"] = os.pathsep.join([str(source), environment.get("PYTHONPATH", "")])
    plugins = ["-p", "waterspout.asynctest._pytest_plugin", "-p", "waterspout_web_pytest"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=."]
    ended = subprocess.run(
        [*command, *plugins, "test_app.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 0 and "2 passed" in ended.stdout, ended.stdout + ended.stderr


def test_plugin_imports_nothing_of_the_framework_before_a_fixture_is_used() -> None:
    script = "import sys, waterspout_web_pytest;print([name for name in sys.modules if name.startswith('waterspout.')])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "[]\n", ended.stdout + ended.stderr
