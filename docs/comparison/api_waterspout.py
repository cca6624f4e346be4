from typing import Any

from waterspout import web
from waterspout.httpserver import run

items: dict[int, dict[str, Any]] = {}


class Items(web.RequestHandler):
    def get(self) -> None:
        self.write({"items": list(items.values())})

    def post(self) -> None:
        match self.request.json():
            case {"name": str(name), "price": float() | int() as price}:
                item = {"id": len(items) + 1, "name": name, "price": price}
            case _:
                raise web.Problem(422, detail="an item has a name and a price")
        items[len(items) + 1] = item
        self.set_status(201)
        self.write(item)


class Item(web.RequestHandler):
    def get(self, number: str) -> None:
        if int(number) not in items:
            raise web.HTTPError(404)
        self.write(items[int(number)])


run(web.Application([("/items", Items), (r"/items/(\d+)", Item)]), 8888)
