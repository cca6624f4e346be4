"""Handlers of ours on somebody else's server: any ASGI server runs ``app``.

uvicorn --app-dir examples/under_uvicorn app:app      # needs: pip install uvicorn
"""

from waterspout import web


class Hello(web.RequestHandler):
    def get(self) -> None:
        self.write({"hello": self.get_argument("name", "world")})


app = web.asgi(web.Application([(r"/", Hello)]))
