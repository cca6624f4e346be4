"""One page that greets.

python examples/hello/app.py [PORT]
"""

import sys

from waterspout import httpserver, web


class Hello(web.RequestHandler):
    def get(self) -> None:
        self.write("Hello, world")


app = web.Application([(r"/", Hello)])

if __name__ == "__main__":
    httpserver.run(app, int(sys.argv[1]) if len(sys.argv) > 1 else 8888, "127.0.0.1")
