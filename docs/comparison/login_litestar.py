import secrets
from typing import Annotated

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import PermissionDeniedException
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.params import Body
from litestar.response import Redirect

PASSWORDS = {"ada": "lovelace"}  # stands for a table of hashes
sessions = CookieBackendConfig(secret=secrets.token_bytes(16))


@get("/")
async def home(request: Request) -> Response:
    if "user" not in request.session:
        return Redirect("/login")
    return Response("Hello " + request.session["user"], media_type=MediaType.TEXT)


@get("/login", media_type=MediaType.HTML)
async def form() -> str:
    return '<form method="post"><input name="name"><input name="password" type="password"><button>In</button>'


@post("/login")
async def login(
    request: Request, data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Redirect:
    if not secrets.compare_digest(PASSWORDS.get(data["name"], "").encode(), data["password"].encode()):
        raise PermissionDeniedException
    request.set_session({"user": data["name"]})
    return Redirect("/", status_code=303)


@post("/logout")
async def logout(request: Request) -> Redirect:
    request.clear_session()
    return Redirect("/login", status_code=303)


uvicorn.run(Litestar([home, form, login, logout], middleware=[sessions.middleware]), port=8888)
