import secrets
from typing import Annotated

import uvicorn
from fastapi import Cookie, FastAPI, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment

PAGE = Environment(autoescape=True).from_string(
    '<form method="post"><input type="hidden" name="_xsrf" value="{{ token }}"><input name="line"></form>'
    "<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>"
)
app = FastAPI()
lines: list[str] = []


@app.get("/")
async def book(_xsrf: Annotated[str | None, Cookie(alias="_xsrf")] = None) -> HTMLResponse:
    token = _xsrf or secrets.token_urlsafe(32)
    response = HTMLResponse(PAGE.render(token=token, lines=lines))
    response.set_cookie("_xsrf", token, samesite="lax")
    return response


@app.post("/")
async def write(
    line: Annotated[str, Form()],
    token: Annotated[str, Form(alias="_xsrf")] = "",
    cookie: Annotated[str, Cookie(alias="_xsrf")] = "",
) -> RedirectResponse:
    if not cookie or not secrets.compare_digest(token.encode(), cookie.encode()):
        raise HTTPException(403)
    lines.append(line)
    return RedirectResponse("/", status_code=303)


uvicorn.run(app, port=8888)
