"""A Bokeh server, unmodified: a page, and a session in which both sides change the document."""

import httpx

APPLICATION = """
from bokeh.models import Slider
from bokeh.plotting import curdoc, figure

plot = figure(title="before")
plot.line([1, 2, 3], [4, 5, 6])
slider = Slider(start=0, end=10, value=1, name="slider")
slider.on_change("value", lambda attribute, old, new: setattr(plot.title, "text", f"slid to {new}"))
curdoc().add_root(plot)
curdoc().add_root(slider)
"""

CLIENT = """
import sys
from bokeh.client import pull_session

url = sys.argv[1]
with pull_session(url=url) as session:
    slider = session.document.get_model_by_name("slider")
    slider.value = 7
    session.force_roundtrip()
    with pull_session(url=url, session_id=session.id) as other:
        plot, slider = other.document.roots
        print("seen by another:", plot.title.text, slider.value, flush=True)
"""


def test_a_bokeh_session_is_changed_from_both_sides(start, tmp_path):
    (tmp_path / "sliding.py").write_text(APPLICATION)
    (tmp_path / "client.py").write_text(CLIENT)
    options = ("--address", "127.0.0.1", "--port", "0", "--log-level", "debug")
    server = start("-m", "bokeh", "serve", "sliding.py", *options)
    port = server.wait_for(r"running at: http://[^:]+:(\d+)/sliding")[1]
    url = f"http://127.0.0.1:{port}/sliding"
    page = httpx.get(url, timeout=60, trust_env=False)
    assert page.status_code == 200 and "bokeh" in page.text
    script = f"http://127.0.0.1:{port}/static/js/bokeh.min.js"
    assert len(httpx.get(script, timeout=60, trust_env=False).content) > 100_000

    client = start("client.py", url)  # Bokeh's client is a Tornado program, too
    assert client.end() == 0, client.text
    assert "seen by another: slid to 7 7\n" in client.text
    server.process.terminate()
    assert server.end() == 0
    assert server.text.count("WebSocket connection closed: code=1000, reason='closed'") == 2, server.text
    assert "Traceback" not in server.text, server.text
