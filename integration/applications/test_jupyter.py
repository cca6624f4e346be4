"""A Jupyter Server, unmodified: a kernel computes over its WebSocket and is interrupted; a terminal; files."""

import asyncio
import json
import uuid

import httpx
import websockets

TOKEN = "a-token-of-the-test"


def request_to_execute(code):
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "",
        "session": uuid.uuid4().hex,
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
    }
    return json.dumps(
        {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
    )


async def result_of(code, url, kernel, headers):
    channels = url.replace("http", "ws", 1) + f"api/kernels/{kernel}/channels"
    async with asyncio.timeout(90), websockets.connect(channels, additional_headers=headers) as socket:
        await socket.send(request_to_execute(code))
        async for message in socket:
            received = json.loads(message)
            if received["msg_type"] == "execute_result":
                return received["content"]["data"]["text/plain"]
    raise AssertionError("the kernel's channel closed without a result")


async def interrupted(url, kernel, headers, client):
    """The name of the error with which a kernel answers that is told to stop while it works."""
    channels = url.replace("http", "ws", 1) + f"api/kernels/{kernel}/channels"
    async with asyncio.timeout(90), websockets.connect(channels, additional_headers=headers) as socket:
        await socket.send(request_to_execute("print('begun', flush=True)\nimport time\ntime.sleep(80)"))
        async for message in socket:
            received = json.loads(message)
            if received["msg_type"] == "stream" and "begun" in received["content"]["text"]:
                await asyncio.to_thread(client.post, f"api/kernels/{kernel}/interrupt")
            if received["msg_type"] == "error":
                return received["content"]["ename"]
    raise AssertionError("the kernel's channel closed without an error")


async def typed(command, expected, url, terminal, headers):
    """Whether a line of a terminal, begun by the server, is what a command is expected to print."""
    address = url.replace("http", "ws", 1) + f"terminals/websocket/{terminal}"
    async with asyncio.timeout(90), websockets.connect(address, additional_headers=headers) as socket:
        await socket.send(json.dumps(["stdin", command + "\r"]))
        shown = ""
        async for message in socket:
            kind, *content = json.loads(message)
            shown += content[0] if kind == "stdout" else ""
            if expected in shown:  # not in the command, which the terminal shows, too
                return True
    raise AssertionError(f"the terminal closed after {shown!r}")


def test_a_kernel_of_a_jupyter_server_computes_over_its_websocket(start, tmp_path):
    server = start(
        *("-m", "jupyter_server", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={tmp_path}"),
        f"--IdentityProvider.token={TOKEN}",
    )
    url = server.wait_for(r"http://127\.0\.0\.1:\d+/")[0]
    headers = {"Authorization": f"token {TOKEN}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        assert client.get("api/status", headers={"Authorization": ""}).status_code == 403
        kernel = client.post("api/kernels", json={"name": "python3"}).raise_for_status().json()["id"]
        assert asyncio.run(result_of("1+1", url, kernel, headers)) == "2"
        # The kernel is a process that the server started: it runs on Waterspout as well.
        probe = "__import__('tornado.ioloop').ioloop.IOLoop.__module__"
        assert asyncio.run(result_of(probe, url, kernel, headers)) == "'waterspout.ioloop'"

        assert asyncio.run(interrupted(url, kernel, headers, client)) == "KeyboardInterrupt"
        terminal = client.post("api/terminals").raise_for_status().json()["name"]
        assert asyncio.run(typed("echo $((1111 * 6))", "6666", url, terminal, headers))

        note = {"type": "file", "format": "text", "content": "kept"}
        assert client.put("api/contents/note.txt", json=note).status_code == 201
        assert client.get("files/note.txt").text == "kept"
        assert client.delete(f"api/kernels/{kernel}").status_code == 204
        assert client.post("api/shutdown").status_code == 200
    assert server.end() == 0
    assert "Traceback" not in server.text, server.text
