from dataclasses import asdict, dataclass

import uvicorn
from litestar import Litestar, get, post
from litestar.exceptions import NotFoundException


@dataclass
class NewItem:
    name: str
    price: float


@dataclass
class Item(NewItem):
    id: int


items: dict[int, Item] = {}


@get("/items")
async def listed() -> dict[str, list[Item]]:
    return {"items": list(items.values())}


@post("/items")
async def add(data: NewItem) -> Item:
    item = Item(id=len(items) + 1, **asdict(data))
    items[item.id] = item
    return item


@get("/items/{number:int}")
async def one(number: int) -> Item:
    if number not in items:
        raise NotFoundException
    return items[number]


uvicorn.run(Litestar([listed, add, one]), port=8888)
