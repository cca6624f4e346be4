from waterspout import web
from waterspout.httpserver import run


class Hello(web.RequestHandler):
    def get(self) -> None:
        self.write("Hello, world")


run(web.Application([("/", Hello)]), 8888)
