import secrets

from waterspout import web
from waterspout.httpserver import run

PASSWORDS = {"ada": "lovelace"}  # stands for a table of hashes


class Base(web.RequestHandler):
    def get_current_user(self) -> bytes | None:
        return self.get_signed_cookie("user")


class Home(Base):
    @web.authenticated
    def get(self) -> None:
        self.write(b"Hello " + self.current_user)


class Login(Base):
    def get(self) -> None:
        self.write('<form method="post"><input name="name"><input name="password" type="password"><button>In</button>')

    def post(self) -> None:
        name, password = self.get_body_argument("name"), self.get_body_argument("password")
        if not secrets.compare_digest(PASSWORDS.get(name, "").encode(), password.encode()):
            raise web.HTTPError(403)
        self.set_signed_cookie("user", name, httponly=True, samesite="Lax")
        self.redirect("/", status=303)


class Logout(Base):
    def post(self) -> None:
        self.clear_cookie("user")
        self.redirect("/login", status=303)


run(
    web.Application(
        [("/", Home), ("/login", Login), ("/logout", Logout)],
        cookie_secret=secrets.token_hex(),
        login_url="/login",
    ),
    8888,
)
