"""The errors of the template language.

ParseError               the template's own syntax; says file and line
+-- TemplateSyntaxError  the Python inside it; is a SyntaxError too
TemplateNotFound         no such template; is a FileNotFoundError and a KeyError
"""

import errno


class ParseError(Exception):
    """A template cannot be compiled.

    ``message`` says why, ``filename`` is the template's name (None when it has none), ``lineno`` the
    line in it, counted from 1 (0 when the error belongs to no line).
    """

    __module__ = "waterspout.template"

    def __init__(self, message: str, filename: str | None = None, lineno: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.filename = filename
        self.lineno = lineno

    def __str__(self) -> str:
        return f"{self.message} at {self.filename}:{self.lineno}"


class TemplateSyntaxError(ParseError, SyntaxError):  # type: ignore[misc]  # lineno: int here, int | None there
    """The Python of an expression or statement in a template does not compile.

    Both a `ParseError` and a `SyntaxError`, so that either ``except`` finds it and tracebacks show
    the template's line. ``text`` is that line.
    """

    __module__ = "waterspout.template"

    def __init__(self, message: str, filename: str | None = None, lineno: int = 0, text: str | None = None) -> None:
        ParseError.__init__(self, message, filename, lineno)
        self.msg = message
        self.text = text


class TemplateNotFound(FileNotFoundError, KeyError):
    """A loader has no template of this name, or the name leads out of the loader's root directory.

    ``filename`` is the name that was asked for; the message, ``strerror``, has it too.
    """

    __module__ = "waterspout.template"

    def __init__(self, message: str, name: str) -> None:
        super().__init__(errno.ENOENT, message, name)

    def __str__(self) -> str:
        return str(self.strerror)
