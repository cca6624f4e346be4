import secrets
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.middleware.sessions import SessionMiddleware

PASSWORDS = {"ada": "lovelace"}  # stands for a table of hashes
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=secrets.token_hex())


@app.get("/")
async def home(request: Request) -> Response:
    if "user" not in request.session:
        return RedirectResponse("/login")
    return PlainTextResponse("Hello " + request.session["user"])


@app.get("/login", response_class=HTMLResponse)
async def form() -> str:
    return '<form method="post"><input name="name"><input name="password" type="password"><button>In</button>'


@app.post("/login")
async def login(request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]) -> RedirectResponse:
    if not secrets.compare_digest(PASSWORDS.get(name, "").encode(), password.encode()):
        raise HTTPException(403)
    request.session["user"] = name
    return RedirectResponse("/", status_code=303)


@app.post("/logout")
async def logout(request: Request) -> RedirectResponse:
    request.session.clear()
    return RedirectResponse("/login", status_code=303)


uvicorn.run(app, port=8888)
