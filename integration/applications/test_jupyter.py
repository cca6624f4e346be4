"""A Jupyter Server, unmodified: a kernel is started over HTTP and computes over its WebSocket."""

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

        note = {"type": "file", "format": "text", "content": "kept"}
        assert client.put("api/contents/note.txt", json=note).status_code == 201
        assert client.get("files/note.txt").text == "kept"
        assert client.delete(f"api/kernels/{kernel}").status_code == 204
        assert client.post("api/shutdown").status_code == 200
    assert server.end() == 0
    assert "Traceback" not in server.text, server.text
