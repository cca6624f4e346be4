"""What somebody does who has only waterspout-httpclient: a script that fetches, and a coroutine that fetches much."""

import asyncio
import sys

from waterspout.httpclient import AsyncHTTPClient, HTTPClient, HTTPError

url = sys.argv[1]

with HTTPClient() as http:
    assert http.fetch(url + "json").json() == {"answer": 42}
    sent = http.fetch(url + "echo", method="POST", json={"a": [1, 2]})
    assert sent.json() == {"type": "application/json", "body": '{"a":[1,2]}'}, sent.text
    try:
        http.fetch(url + "nowhere")
    except HTTPError as error:
        assert error.code == 404
    else:
        raise SystemExit("a 404 must be an error")


async def main() -> None:
    async with AsyncHTTPClient(max_clients=8) as client:
        pages = await asyncio.gather(*(client.fetch(f"{url}json?{n}") for n in range(50)))
        assert [page.code for page in pages] == [200] * 50
        length = 0
        async with client.stream(url + "large") as response:
            async for piece in response:
                length += len(piece)
        assert length == 3_000_000, length


asyncio.run(main())
print("script: done")
