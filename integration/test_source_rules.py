"""Rules of DESIGN.md that a reader of the source can check, applied to every module of every wheel.

Each rule is a function from a module's syntax tree to findings, tried below on planted offences too.
"""

import ast
import re

import pytest

IO_MODULES = {
    "asyncio", "concurrent", "multiprocessing", "select", "selectors", "socket", "socketserver", "ssl", "subprocess",
    "threading", "urllib3",
}  # fmt: skip
CODECS = {"waterspout.http1", "waterspout.ws"}


# -- the rules, over all wheels


def test_no_underscored_name_of_another_distribution_is_used(modules, owners):
    for module in modules:
        for line, name in foreign_private_names(module.tree, module.distribution, owners):
            pytest.fail(f"{module.path}:{line} uses {name}, which is private to another distribution")


def test_codecs_import_no_io_module(modules):
    checked = set()
    for module in modules:
        if module.public_package in CODECS:
            checked.add(module.public_package)
            found = sorted(set(imported_top_modules(module.tree)) & IO_MODULES)
            assert not found, f"{module.path} imports {found}: a codec turns bytes into events and does no I/O"
    assert checked == CODECS


def test_every_public_package_is_a_shop_window_with_an_all(modules):
    for module in modules:
        if module.path.endswith("/__init__.py"):
            for line, complaint in shop_window_faults(module.tree):
                pytest.fail(f"{module.path}:{line}: {complaint}")


def test_no_group_is_repeated_possessively(modules):
    """Python before 3.11.5 does not match what ``(?:...)*+`` should (gh-106052): ``(?>(?:...)*)`` says the same."""
    for module in modules:
        for line, text in possessive_groups(module.source.decode()):
            pytest.fail(f"{module.path}:{line}: {text.strip()}: write (?>(?:...)*)")


# -- each rule finds what it is for

OWNERS = {"waterspout.ioloop": "waterspout-ioloop", "waterspout.web": "waterspout-web"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from waterspout.ioloop._loop import IOLoop", ["waterspout.ioloop._loop"]),
        ("from waterspout.ioloop import _loop", ["waterspout.ioloop._loop"]),
        ("import waterspout.ioloop._loop as hidden", ["waterspout.ioloop._loop"]),
        ("from waterspout import ioloop\nioloop._loop", ["waterspout.ioloop._loop"]),
        ("import waterspout.ioloop\nwaterspout.ioloop._loop.x", ["waterspout.ioloop._loop"]),
        ("from waterspout.ioloop import IOLoop as Loop\nLoop._current", ["waterspout.ioloop.IOLoop._current"]),
        ("load('waterspout.ioloop._loop')", ["waterspout.ioloop._loop"]),
        ("from waterspout.web._handler import X\nfrom waterspout.ioloop import IOLoop\nIOLoop.__name__", []),
    ],
)
def test_foreign_private_names_are_seen(source, found):
    assert [name for _line, name in foreign_private_names(ast.parse(source), "waterspout-web", OWNERS)] == found


def test_possessive_groups_are_seen():
    source = 'a = r"(?:x)*+"\nb = r"[x]*+(?>(?:y)+)"\nc = rb"(z)?+"\nd = r"(\\d){2}+"\n'
    assert [line for line, _ in possessive_groups(source)] == [1, 3, 4]


@pytest.mark.parametrize(
    "line", ["import ssl", "import asyncio.events", "from socket import socket", "if 1:\n  import select"]
)
def test_io_imports_are_seen(line):
    assert set(imported_top_modules(ast.parse(line))) & IO_MODULES


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("from waterspout.web._x import A", "no __all__"),
        ("from waterspout.web._x import A\n__all__ = ['B']", "does not bind"),
        ("__all__ = ['f']\ndef f(): ...", "no code"),
        ("from waterspout.web._x import A\n__all__ = list(names)", "literal"),
        ("from waterspout.web._x import A\n__all__ = ['A', 'A']", "twice"),
        ("if TYPE_CHECKING:\n    from waterspout.web._x import A\n__all__ = ['A']", "only in one"),
        ("__all__ = []\nif not TYPE_CHECKING:\n    __getattr__ = exports(__name__, _x='A')", "only in one"),
        ("__all__ = []\nif not TYPE_CHECKING:\n    x = 1", "no code"),
        ("__all__ = []\nif TYPE_CHECKING:\n    x = 1", "only imports"),
    ],
)
def test_shop_window_faults_are_seen(source, complaint):
    assert complaint in " ".join(text for _line, text in shop_window_faults(ast.parse(source)))


def test_a_clean_shop_window_has_no_faults():
    source = '"""Doc."""\nfrom waterspout.web._x import A, B as C\nD = A\n__all__ = ["A", "C", "D"]'
    assert list(shop_window_faults(ast.parse(source))) == []
    source += "\nif TYPE_CHECKING:\n    from waterspout.web._y import E, F"
    source += "\nif not TYPE_CHECKING:\n    __getattr__ = exports(__name__, _y='E F')"
    assert list(shop_window_faults(ast.parse(source))) == []


# -- how each rule reads a syntax tree


def possessive_groups(source):
    """Lines with a regular expression, known by its raw string, in which ``)*+`` or the like stands."""
    for number, line in enumerate(source.splitlines(), 1):
        without_sets = re.sub(r"\[(?:\\.|[^\]\\])*\]", "S", line)
        if re.search(r"\b(?:r|rb|br|rf|fr)[\"'].*\)(?:[*+?]|\{[0-9,]+\})\+", without_sets):
            yield number, line


def imported_top_modules(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.module.split(".")[0]


def foreign_private_names(tree, distribution, owners):
    """(line, dotted name) for each use of an underscored name that lies in another distribution's package."""
    bound = {}  # local name -> dotted name that it stands for
    uses = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                bound[alias.asname or top] = alias.name if alias.asname else top
                uses.append((node.lineno, alias.name))
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                uses.append((node.lineno, f"{node.module}.{alias.name}"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            uses += [(node.lineno, name) for name in re.findall(r"\bwaterspout\.\w+\._[a-z]\w*", node.value)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names = [node.attr]
            base = node.value
            while isinstance(base, ast.Attribute):
                names.append(base.attr)
                base = base.value
            if isinstance(base, ast.Name) and base.id in bound:
                uses.append((node.lineno, ".".join([bound[base.id], *reversed(names)])))
    reported = set()
    for line, name in uses:
        parts = name.split(".")
        owner = owners.get(".".join(parts[:2]), distribution)
        private = [n for n, part in enumerate(parts) if n > 1 and part.startswith("_") and not part.endswith("__")]
        if parts[0] == "waterspout" and owner != distribution and private:
            finding = ".".join(parts[: private[0] + 1])
            if finding not in reported:
                reported.add(finding)
                yield line, finding


def shop_window_faults(tree):
    """(line, complaint) where a public package's `__init__.py` is more or less than imports and an `__all__`.

    Imports may wait until they are asked for: plain ones under `if TYPE_CHECKING`, and `if not TYPE_CHECKING` a
    `__getattr__ = exports(__name__, _file="Name Other")` that has the same ones.
    """
    bound, names = set(), None
    promised, found_later = set(), set()
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for each in node.body:
                if not isinstance(each, ast.ImportFrom):
                    yield each.lineno, "only imports belong under TYPE_CHECKING here"
                    continue
                bound |= {alias.asname or alias.name for alias in each.names}
                promised |= {(each.module.rpartition(".")[2], alias.name) for alias in each.names}
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "not TYPE_CHECKING":
            for each in node.body:
                if assigned_name(each) != "__getattr__" or ast.unparse(each.value.func) != "exports":
                    yield each.lineno, "only `__getattr__ = exports(...)` belongs here, no code"
                    continue
                found_later |= {(part.arg, name) for part in each.value.keywords for name in part.value.value.split()}
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif assigned_name(node) == "__all__":
            try:
                names = list(ast.literal_eval(node.value))
            except ValueError:
                names = []
                yield node.lineno, "__all__ should be a literal list of names"
        elif assigned_name(node) and isinstance(node.value, ast.Name):
            bound.add(assigned_name(node))  # a second name for what is there
        else:
            yield node.lineno, "only imports and __all__ belong here, no code: move it to a file behind an underscore"
    for file, name in sorted(promised ^ found_later):
        yield 1, f"{name} of {file} stands only in one of the two lists: of imports for type checkers, of `exports`"
    if names is None:
        yield 1, "there is no __all__"
        return
    for name in sorted(set(names) - bound):
        yield 1, f"__all__ names {name}, which the file does not bind"
    if len(set(names)) < len(names):
        yield 1, "__all__ names something twice"


def assigned_name(statement):
    """The name that a plain or annotated assignment binds, or None."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None
