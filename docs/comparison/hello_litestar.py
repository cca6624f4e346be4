import uvicorn
from litestar import Litestar, MediaType, get


@get("/", media_type=MediaType.TEXT)
async def hello() -> str:
    return "Hello, world"


uvicorn.run(Litestar([hello]), port=8888)
