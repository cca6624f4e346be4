import secrets
from typing import Annotated

import uvicorn
from litestar import Litestar, get, post
from litestar.config.csrf import CSRFConfig
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect, Template
from litestar.template import TemplateConfig

PAGE = (
    '<form method="post">{{ csrf_input | safe }}<input name="line"></form>'
    "<ul>{% for line in lines %}<li>{{ line | e }}</li>{% endfor %}</ul>"
)
lines: list[str] = []


@get("/")
async def book() -> Template:
    return Template(template_str=PAGE, context={"lines": lines}, media_type="text/html")


@post("/")
async def write(data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]) -> Redirect:
    lines.append(data["line"])
    return Redirect("/", status_code=303)


app = Litestar(
    [book, write],
    csrf_config=CSRFConfig(secrets.token_hex()),
    template_config=TemplateConfig(directory=".", engine=JinjaTemplateEngine),
)
uvicorn.run(app, port=8888)
