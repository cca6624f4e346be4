import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel


class NewItem(BaseModel):
    name: str
    price: float


class Item(NewItem):
    id: int


app = FastAPI()
items: dict[int, Item] = {}


@app.get("/items")
async def listed() -> dict[str, list[Item]]:
    return {"items": list(items.values())}


@app.post("/items", status_code=201)
async def add(new: NewItem) -> Item:
    item = Item(id=len(items) + 1, **new.model_dump())
    items[item.id] = item
    return item


@app.get("/items/{number}")
async def one(number: int) -> Item:
    if number not in items:
        raise HTTPException(404)
    return items[number]


uvicorn.run(app, port=8888)
