"""One readable module out of what a simulation's definition uses in a notebook."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import inspect
import linecache
import symtable
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.literals import Unsourceable, constant, import_line

__all__ = ["assemble", "definition_of"]

_FUTURE = "from __future__ import annotations"
_HEADER = (
    "# Put together by aisteer from what this simulation uses. Run once per worker; addressed by its hash."
)


@dataclasses.dataclass(slots=True)
class _Piece:
    """A definition's text and the global names it needs at once, and later when it is called."""

    text: str
    at_once: set[str]
    later: set[str]
    attributes: set[str]
    future: bool


def assemble(function: types.FunctionType, name: str, local: Callable[[Any], bool]) -> str:
    """A self-contained module that defines ``function`` under its own name.

    Args:
        function: The simulation's function.
        name: The simulation's name, for messages.
        local: Whether a function or class is known only here, so that its source has to go along.

    Raises:
        Unsourceable: Something it uses has no source or cannot be written down.
        BadDefinition: It uses a name that is not defined anywhere.
    """
    assembly = _Assembly(name, local)
    assembly.add(function.__name__, function)
    text = assembly.text()
    _check(text, function)
    return text


class _Assembly:
    def __init__(self, name: str, local: Callable[[Any], bool]) -> None:
        self.name = name
        self.local = local
        self.pieces: dict[str, _Piece] = {}
        self.imports: dict[str, str] = {}
        self.submodules: set[str] = set()
        self.constants: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def add(self, name: str, value: Any) -> None:
        """Take in the global ``name``, and what its definition needs."""
        queue: list[tuple[str, Any]] = [(name, value)]
        while queue:
            name, value = queue.pop()
            if name in self.values:
                if self.values[name] is not value and self.values[name] != value:
                    raise Unsourceable(f"{name!r} means different things in two modules")
                continue
            self.values[name] = value
            queue.extend(self._take(name, value))

    def _take(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        inner = _bare(value)
        if isinstance(value, types.ModuleType):
            self._import_module(name, value)
        elif _is_definition(inner) and self.local(inner):
            yield from self._define(name, inner)
        elif (line := import_line(name, inner)) is not None:
            self.imports[name] = line
        else:
            self.constants[name] = constant(name, inner)

    def _import_module(self, name: str, module: types.ModuleType) -> None:
        if not self.local(module):
            path = module.__name__
            self.imports[name] = f"import {path}" if path == name else f"import {path} as {name}"
            return
        raise Unsourceable(f"the module {module.__name__!r} is not installed where workers look")

    def _define(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        text, node = definition_of(value)
        if node.name != name:
            raise Unsourceable(f"{name!r} is another name for {node.name!r}")
        namespace = _namespace(value)
        text = _without_simulation(text, node, namespace)
        piece = _analyse(text, future=_future(value))
        self.pieces[name] = piece
        for used in sorted(piece.at_once | piece.later):
            if used in namespace:
                yield used, namespace[used]
            elif not hasattr(builtins, used):
                raise BadDefinition(
                    f"The simulation {self.name!r} uses {used!r}, which is not defined. It would fail on "
                    "every worker: run the cell that defines it first, or correct the name."
                )
        for path in piece.attributes:
            self._submodule(path, namespace)

    def _submodule(self, path: str, namespace: dict[str, Any]) -> None:
        """``concurrent.futures.wait`` needs ``import concurrent.futures``, not ``import concurrent``."""
        root, *rest = path.split(".")
        module = namespace.get(root)
        if not isinstance(module, types.ModuleType) or self.local(module):
            return
        for part in rest:
            inner = getattr(module, part, None)
            if not isinstance(inner, types.ModuleType) or f"{module.__name__}.{part}" not in sys.modules:
                return
            if hasattr(module, "__path__"):
                self.submodules.add(f"import {module.__name__}.{part}")
            module = inner

    def text(self) -> str:
        future = [_FUTURE] if any(piece.future for piece in self.pieces.values()) else []
        imports = sorted({*self.imports.values(), *self.submodules}, key=lambda line: (line.split()[1], line))
        constants = [f"{name} = {text}" for name, text in sorted(self.constants.items())]
        needs_path = any("pathlib." in text for text in self.constants.values())
        if needs_path and "import pathlib" not in imports:
            imports.append("import pathlib")
        blocks = ["\n".join([_HEADER, *future])]
        blocks += ["\n".join(lines) for lines in (imports, constants) if lines]
        return "\n\n".join(blocks) + "\n" + "".join(f"\n\n{text}\n" for text in self._ordered())

    def _ordered(self) -> list[str]:
        """Definitions, each after what it needs at once (bases, decorators, defaults)."""
        done: dict[str, None] = {}

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in done or name in path or name not in self.pieces:
                return
            for needed in sorted(self.pieces[name].at_once):
                visit(needed, (*path, name))
            done[name] = None

        for name in reversed(list(self.pieces)):
            visit(name, ())
        return [self.pieces[name].text for name in done]


# --- definitions ------------------------------------------------------------------------------


def _bare(value: Any) -> Any:
    """The function inside a simulation."""
    return value.function if type(value).__module__ == "aisteer.problem.simulation" else value


def _is_definition(value: Any) -> bool:
    return isinstance(value, type) or isinstance(
        inspect.unwrap(value) if callable(value) else value, types.FunctionType
    )


def definition_of(value: Any) -> tuple[str, ast.FunctionDef | ast.ClassDef]:
    """Source and syntax of a function or class; classes of notebooks too, which ``inspect`` cannot find.

    Raises:
        Unsourceable: There is no source, or it is not a ``def`` or ``class``.
    """
    name = getattr(value, "__name__", repr(value))
    if isinstance(value, type):
        text = _class_source(value)
    else:
        function = inspect.unwrap(value)
        if function.__closure__:
            names = ", ".join(function.__code__.co_freevars)
            raise Unsourceable(f"{name!r} keeps {names} from the function that made it")
        try:
            text = inspect.getsource(function)
        except (OSError, TypeError):
            raise Unsourceable(f"the source of {name!r} cannot be found") from None
    text = textwrap.dedent(text).rstrip()
    try:
        node = ast.parse(text).body[0]
    except (SyntaxError, IndexError):
        raise Unsourceable(f"the source of {name!r} cannot be read on its own") from None
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        raise Unsourceable(f"{name!r} is not written as def or class")
    return text, node


def _class_source(cls: type) -> str:
    if "<locals>" in cls.__qualname__ or "." in cls.__qualname__:
        raise Unsourceable(f"the class {cls.__qualname__!r} is defined inside something else")
    for filename in _files_of(cls):
        lines = linecache.getlines(filename)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            continue
        found = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == cls.__name__]
        if found:
            node = found[-1]
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return "".join(lines[first - 1 : node.end_lineno])
    raise Unsourceable(f"the source of the class {cls.__name__!r} cannot be found")


def _files_of(cls: type) -> list[str]:
    """Where the class may be written: where its methods are; else the notebook's cells, newest first."""
    methods = [getattr(m, "__func__", m) for m in vars(cls).values()]
    files = [m.__code__.co_filename for m in methods if isinstance(m, types.FunctionType)]
    files = [name for name in files if not name.startswith("<string")]
    module_file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if module_file:
        files.append(module_file)
    cells = [name for name in linecache.cache if "ipykernel_" in name or name.startswith("<ipython-input")]
    return list(dict.fromkeys([*files, *reversed(cells)]))


def _namespace(value: Any) -> dict[str, Any]:
    if isinstance(value, type):
        return vars(sys.modules[value.__module__])
    function: types.FunctionType = inspect.unwrap(value)
    return function.__globals__


def _future(value: Any) -> bool:
    import __future__

    flag = __future__.annotations.compiler_flag
    if isinstance(value, type):
        annotations = vars(value).get("__annotations__", {})
        return bool(annotations) and all(isinstance(a, str) for a in annotations.values())
    return bool(inspect.unwrap(value).__code__.co_flags & flag)


def _without_simulation(text: str, node: ast.FunctionDef | ast.ClassDef, namespace: dict[str, Any]) -> str:
    """The text without ``@ai.simulation(…)``, which only the notebook needs."""
    lines = text.splitlines()
    drop: set[int] = set()
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        target = _lookup(called, namespace)
        if getattr(target, "__module__", "") == "aisteer.problem.simulation":
            drop.update(range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1))
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in drop)


def _lookup(node: ast.expr, namespace: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return namespace.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(_lookup(node.value, namespace), node.attr, None)
    return None


# --- names ------------------------------------------------------------------------------------


def _analyse(text: str, *, future: bool) -> _Piece:
    whole = f"{_FUTURE}\n{text}" if future else text
    at_once: set[str] = set()
    later: set[str] = set()
    _names(symtable.symtable(whole, "<simulation>", "exec"), at_once, later, now=True)
    at_once = {n for n in at_once if not (n.startswith("__") and n.endswith("__"))}
    later = {n for n in later if not (n.startswith("__") and n.endswith("__"))}
    tree = ast.parse(whole)
    attributes = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _dotted(n)}
    return _Piece(text, at_once, later, attributes, future)


def _dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _names(table: symtable.SymbolTable, at_once: set[str], later: set[str], *, now: bool) -> None:
    top = str(table.get_type()) in {"module", "SymbolTableType.MODULE"}
    assigned = {s.get_name() for s in table.get_symbols() if s.is_assigned() and s.is_declared_global()}
    for symbol in table.get_symbols():
        outside = symbol.is_global() or (top and not symbol.is_assigned())
        if symbol.is_referenced() and outside and symbol.get_name() not in assigned:
            (at_once if now else later).add(symbol.get_name())
    for child in table.get_children():
        comprehension = child.get_name() in {"listcomp", "genexpr", "setcomp", "dictcomp"}
        runs_now = now and (str(child.get_type()).lower().endswith("class") or comprehension)
        _names(child, at_once, later, now=runs_now)


# --- proof ------------------------------------------------------------------------------------


def _check(text: str, function: types.FunctionType) -> None:
    """Define it once, here: what does not work now would fail on every worker."""
    namespace: dict[str, Any] = {"__name__": "aisteer_simulation"}
    module = types.ModuleType("aisteer_simulation")
    known = sys.modules.get("aisteer_simulation")
    sys.modules["aisteer_simulation"] = module  # dataclasses look their module up by name
    try:
        exec(compile(text, f"<simulation {function.__name__}>", "exec"), namespace)  # noqa: S102  the user's own code
    except Exception as error:
        raise Unsourceable(
            f"its source does not stand on its own ({type(error).__name__}: {error})"
        ) from error
    finally:
        if known is None:
            del sys.modules["aisteer_simulation"]
        else:
            sys.modules["aisteer_simulation"] = known
    made = inspect.unwrap(namespace[function.__name__])
    if made.__code__.co_code != inspect.unwrap(function).__code__.co_code:
        raise Unsourceable("its source was changed after it was defined")
