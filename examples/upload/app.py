"""Files of any size, hashed while they arrive: nothing is kept in memory or on the disk.

The page shows how far it is. A sender faster than the hashing is slowed down by TCP itself.

python examples/upload/app.py [--port 8888]
curl -F file=@large.iso http://127.0.0.1:8888/files
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from waterspout import httpserver, web

PAGE = Path(__file__).with_name("page.html").read_bytes()
MAX_SIZE = 10 * 2**30  # bytes of a whole form


class PageHandler(web.RequestHandler):
    def get(self) -> None:
        self.write(PAGE)


@web.read_request_body(max_body_size=MAX_SIZE)
class FilesHandler(web.RequestHandler):
    async def post(self) -> None:
        files = []
        async for part in self.parts():
            if part.filename is None:
                continue  # a field of the form; what is not read is skipped
            digest = hashlib.sha256()
            async for piece in part:
                digest.update(piece)
            files.append({"name": part.filename, "size": part.size, "sha256": digest.hexdigest()})
        if not files:
            raise web.HTTPError(400, "the form has no file")
        self.write({"files": files})


app = web.Application([(r"/", PageHandler), (r"/files", FilesHandler)])

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Upload files of any size.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    httpserver.run(app, parser.parse_args().port, "127.0.0.1")
