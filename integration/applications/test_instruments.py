"""What looks into Tornado from outside, unmodified: OpenTelemetry's and Sentry's instruments, and SockJS."""

INSTRUMENTED = """
import asyncio

import sentry_sdk
from opentelemetry import trace
from opentelemetry.instrumentation.tornado import TornadoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.integrations.tornado import TornadoIntegration

import tornado.httpclient
import tornado.httpserver
import tornado.testing
import tornado.web

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
TornadoInstrumentor().instrument()
events = []
keep = lambda event, hint: events.append(event)
sentry_sdk.init("http://key@127.0.0.1:1/1", integrations=[TornadoIntegration()], before_send=keep)


class Story(tornado.web.RequestHandler):
    async def get(self, name):
        await asyncio.sleep(0)
        self.write(name)


class Broken(tornado.web.RequestHandler):
    def get(self):
        raise LookupError("nothing here")


async def main():
    server = tornado.httpserver.HTTPServer(tornado.web.Application([("/story/(.*)", Story), ("/broken", Broken)]))
    sock, port = tornado.testing.bind_unused_port()
    server.add_sockets([sock])
    http = tornado.httpclient.AsyncHTTPClient()
    url = f"http://127.0.0.1:{port}"
    assert (await http.fetch(f"{url}/story/1")).body == b"1"
    assert (await http.fetch(f"{url}/broken", raise_error=False)).code == 500
    server.stop()


asyncio.run(main())
traces = {}
for span in spans.get_finished_spans():
    traces.setdefault(span.context.trace_id, {})[span.kind.name] = span
for kinds in traces.values():
    served, fetched = kinds["SERVER"], kinds["CLIENT"]
    assert served.parent.span_id == fetched.context.span_id  # by the header that the client's instrument adds
    print("traced:", served.name, served.attributes["http.status_code"], served.attributes["tornado.handler"])
for event in events:
    print("reported:", event["transaction"], event["exception"]["values"][0]["type"], event["request"]["url"][-7:])
"""


def test_opentelemetry_traces_server_and_client_and_sentry_hears_of_errors(start, tmp_path):
    (tmp_path / "instrumented.py").write_text(INSTRUMENTED)
    program = start("instrumented.py")
    assert program.end() == 0, program.text
    assert "traced: GET /story/{name} 200 __main__.Story\n" in program.text, program.text
    assert "traced: GET /broken 500 __main__.Broken\n" in program.text, program.text
    assert "reported: __main__.Broken.get LookupError /broken\n" in program.text, program.text


SOCKJS = """
import asyncio

import httpx
import sockjs.tornado
import websockets

import tornado.httpserver
import tornado.testing
import tornado.web


class Echo(sockjs.tornado.SockJSConnection):
    def on_open(self, info):
        self.send("welcome")

    def on_message(self, message):
        self.send(message)


async def main():
    router = sockjs.tornado.SockJSRouter(Echo, "/echo")
    server = tornado.httpserver.HTTPServer(tornado.web.Application(router.urls))
    sock, port = tornado.testing.bind_unused_port()
    server.add_sockets([sock])
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/echo", trust_env=False) as http:
        print("info:", (await http.get("/info")).json()["websocket"])
        polled = [(await http.post("/000/one/xhr")).text.strip() for _ in range(2)]
        assert (await http.post("/000/one/xhr_send", content='["hi"]')).status_code == 204
        print("polled:", *polled, (await http.post("/000/one/xhr")).text.strip())
    async with websockets.connect(f"ws://127.0.0.1:{port}/echo/000/two/websocket") as socket:
        begun = [await socket.recv(), await socket.recv()]
        await socket.send('["yo"]')
        print("framed:", *begun, await socket.recv())
    async with websockets.connect(f"ws://127.0.0.1:{port}/echo/websocket") as socket:
        begun = await socket.recv()
        await socket.send("yo")
        print("raw:", begun, await socket.recv())
    server.stop()


asyncio.run(main())
"""


def test_sockjs_polls_and_talks_over_websockets(start, tmp_path):
    (tmp_path / "talk.py").write_text(SOCKJS)
    program = start("talk.py")
    assert program.end() == 0, program.text
    assert "info: True\n" in program.text
    assert 'polled: o a["welcome"] a["hi"]\n' in program.text, program.text
    assert 'framed: o a["welcome"] a["yo"]\n' in program.text, program.text
    assert "raw: welcome yo\n" in program.text, program.text
    assert "Traceback" not in program.text, program.text
