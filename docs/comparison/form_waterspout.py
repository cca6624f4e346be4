from waterspout import web
from waterspout.httpserver import run
from waterspout.template import Template

PAGE = Template(
    '<form method="post">{% raw token %}<input name="line"></form>'
    "<ul>{% for line in lines %}<li>{{ line }}</li>{% end %}</ul>"
)
lines: list[str] = []


class Book(web.RequestHandler):
    def get(self) -> None:
        self.write(PAGE.generate(token=self.xsrf_form_html(), lines=lines))

    def post(self) -> None:
        lines.append(self.get_body_argument("line"))
        self.redirect("/", status=303)


run(web.Application([("/", Book)], xsrf_cookies=True), 8888)
