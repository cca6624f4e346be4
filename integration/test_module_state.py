"""No module of any wheel holds state that changes: several loops in several threads share every module.

State hangs on the loop, the server, the client or the application instead. The exceptions stand in ALLOWED_STATE, each
with its reason. Constants (upper-case names, or `Final`) may be dictionaries and lists while no function changes them.
"""

import ast
import re

import pytest

CONSTANT = re.compile(r"_{0,2}[A-Z][A-Z0-9_]*$")
MUTABLE_BUILDERS = {
    "dict", "list", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter", "ChainMap", "count", "cycle",
    "WeakKeyDictionary", "WeakValueDictionary", "WeakSet", "cache", "lru_cache",
}  # fmt: skip
MUTATORS = {
    "append", "appendleft", "add", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft",
    "remove", "reverse", "rotate", "setdefault", "sort", "update", "difference_update", "intersection_update",
    "symmetric_difference_update",
}  # fmt: skip

ALLOWED_STATE = {
    ("waterspout.util._compat", "_default_is_tornado"): "the one switch, set by waterspout.tornado.install()",
    ("waterspout.log._setup", "_options_of_this_process"): "the command line is one; set when waterspout.options loads",
    ("waterspout.escape._json", "_json"): "a module imported at its first use: the same one for everybody",
    ("waterspout.escape._json", "_encoder"): "made at first use and never changed: the same one for everybody",
    (
        "waterspout.web._handlerpages",
        "HandlerPages._template_loaders",
    ): "for applications that fill it; nothing here does",
    ("waterspout.ioloop._allocator", "keep_freed_pages"): "what it does to the allocator is done once a process",
    ("waterspout.platform.asyncio._policy", "any_thread_policy"): "a class made at its first use: one for everybody",
}
"""(module, name) of state that a whole process shares by intent, with the reason."""


def test_no_module_holds_mutable_state(modules):
    unexplained, seen = [], set()
    for module in modules:
        for line, name, complaint in module_state(module.tree):
            seen.add((module.name, name))
            if (module.name, name) not in ALLOWED_STATE:
                unexplained.append(f"{module.path}:{line}: {name}: {complaint}")
    assert not unexplained, "\n".join(["state shared by all loops and threads of a process:", *unexplained])
    assert set(ALLOWED_STATE) <= seen, f"no longer needed in ALLOWED_STATE: {sorted(set(ALLOWED_STATE) - seen)}"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("waiting = []", "waiting"),
        ("seen: dict[str, int] = {}", "seen"),
        ("_pool = weakref.WeakKeyDictionary()", "_pool"),
        ("class A:\n    shared = set()", "A.shared"),
        ("def f():\n    global counter\n    counter += 1", "counter"),
        ("TABLE = {}\ndef f(x):\n    TABLE[x] = 1", "TABLE"),
        ("TABLE = {}\ndef f(x):\n    TABLE.update(x)", "TABLE"),
        ("TABLE = {}\ndef f(x):\n    del TABLE[x]", "TABLE"),
        ("@functools.lru_cache(maxsize=8)\ndef f(x): ...", "f"),
        ("class A:\n    @classmethod\n    def configure(cls, x):\n        cls.chosen = x", "A.chosen"),
        ("class A:\n    def f(self):\n        A.last = self", "A.last"),
        ("try:\n    names = []\nexcept Error: ...", "names"),
        ("texts: Final[dict[int, str]] = {}\ndef f(x):\n    texts[x] = 1", "texts"),
    ],
)
def test_module_state_is_seen(source, name):
    assert name in {found for _line, found, _complaint in module_state(ast.parse(source))}


@pytest.mark.parametrize(
    "source",
    [
        "TABLE = {1: 2}\ndef f(x):\n    return TABLE[x]",
        "TABLE = {}\nfor x in range(3):\n    TABLE[x] = 1",
        "__all__ = ['a']",
        "texts: Final[dict[int, str]] = {1: 'a'}\ndef f(x):\n    return texts[x]",
        "class A:\n    __slots__ = ['a']\n    def f(self):\n        self.a = []",
        "names = ('a', 'b')\npattern = re.compile('x')\nlog = logging.getLogger('x')",
        "def f():\n    TABLE = {}\n    TABLE[1] = 2",
        "class A:\n    def __init_subclass__(cls):\n        cls.kind = 'a'",
    ],
)
def test_constants_and_instance_state_are_no_module_state(source):
    assert list(module_state(ast.parse(source))) == []


def module_state(tree):
    """(line, name, complaint) for each value that outlives every loop and thread and can change."""
    constants = set()
    for owner, statement in lasting_statements(tree):
        for name, value in bindings(statement):
            if not builds_mutable(value) or re.fullmatch(r"__\w+__", name):
                continue
            if CONSTANT.match(name) or is_final(statement):
                constants.add(name)
            else:
                yield statement.lineno, owner + name, "a mutable value under a name that is no constant's"
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in statement.decorator_list:
                if called_name(decorator) in {"cache", "lru_cache"}:
                    yield statement.lineno, owner + statement.name, "a cache that no loop or server owns"
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for owner, function in functions(tree):
        yield from state_changed_by(function, constants, classes, owner)


def lasting_statements(tree):
    """(prefix, statement) at module level and in class bodies, through `if`, `try`, `with` and loops."""
    todo = [("", statement) for statement in tree.body]
    while todo:
        owner, statement = todo.pop(0)
        yield owner, statement
        if isinstance(statement, ast.ClassDef):
            todo += [(f"{owner}{statement.name}.", inner) for inner in statement.body]
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "finalbody"):
                todo += [(owner, inner) for inner in getattr(statement, field, [])]
            todo += [(owner, inner) for handler in getattr(statement, "handlers", []) for inner in handler.body]


def bindings(statement):
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        yield statement.target.id, statement.value


def is_final(statement):
    return isinstance(statement, ast.AnnAssign) and called_name(statement.annotation) == "Final"


def builds_mutable(value):
    literal = isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)
    return literal or (isinstance(value, ast.Call) and called_name(value) in MUTABLE_BUILDERS)


def called_name(node):
    """`deque` for `deque`, `collections.deque`, `deque[int]` and for a call of any of them."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def functions(tree):
    """(prefix, function) for each outermost function of the module and of its classes."""
    for owner, statement in lasting_statements(tree):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield owner, statement


def state_changed_by(function, constants, classes, owner):
    """What a call of this function changes for everyone: globals, filled constants, attributes of classes."""
    local = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    shared = constants - local
    is_classmethod = any(called_name(decorator) == "classmethod" for decorator in function.decorator_list)
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            yield from ((node.lineno, name, "a global that a function assigns") for name in node.names)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if getattr(node.value, "id", None) in shared:
                yield node.lineno, node.value.id, "a constant whose items a function sets or deletes"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            if getattr(node.func.value, "id", None) in shared:
                yield node.lineno, node.func.value.id, f"a constant that a function changes by {node.func.attr}()"
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            base = getattr(node.value, "id", None)
            if base in classes - local:
                yield node.lineno, f"{base}.{node.attr}", "a class attribute that a function sets"
            elif base == "cls" and is_classmethod:
                yield node.lineno, owner + node.attr, "a class attribute that a class method sets"
