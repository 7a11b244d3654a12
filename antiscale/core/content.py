"""What a Python object is made of: a digest of its settings and of the source that it runs.

A run's hash holds this digest, so that a learner given as an object names its results by what it
does, in this process and in another one.
"""

import dataclasses
import dis
import functools
import hashlib
import inspect
import operator
import types
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from antiscale.core import source


class NoContentError(ValueError):
    """What an object is made of cannot be said; the message is the reason."""


def digest_of(value: Any) -> str:
    """SHA-256 of what a value is made of; equal for equal values, in any process.

    - Plain values as they are; arrays by type, shape and bytes; lists in order, tables and sets in
      any.
    - An object by its class and its fields: those of a dataclass, else its attributes (without
      what `functools.cached_property` keeps).
    - A class or a function by its source: where it is in a module of the user's, by the module's
      file and what that imports of theirs; where it is in a script or a notebook, by itself, its
      defaults and what it uses of its surroundings. What is installed, by its name.

    Raises
    ------
    NoContentError
        If a source cannot be found, as of what was typed at Python's prompt, or has changed since
        it was first read.

    Examples
    --------
    >>> digest_of({"a": 1, "b": [2.0]}) == digest_of({"b": [2.0], "a": 1})
    True
    >>> digest_of(np.zeros(2)) == digest_of(np.zeros((1, 2)))
    False
    """
    return _Reader().digest(value)


# The source of classes and functions of the user's modules when it was first read.
_FIRST: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
# What `dataclass` writes into a class.
_GENERATED = {
    "__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__lt__", "__le__",
    "__gt__", "__ge__", "__getstate__", "__setstate__", "__replace__",
}  # fmt: skip
# Where the code of these is.
_BY_DATACLASS = ("<string>", dataclasses.__file__)


class _Reader:
    """Reads one value: code once, data wherever it stands."""

    def __init__(self) -> None:
        self._code: dict[int, int] = {}
        self._open: list[int] = []
        self._files: dict[str, str | None] = {}

    def digest(self, value: Any) -> str:
        if id(value) in self._open:
            return f"within {self._open.index(id(value))}"
        if isinstance(value, type | types.FunctionType):
            if id(value) in self._code:
                return f"code {self._code[id(value)]}"
            self._code[id(value)] = len(self._code)
        total = hashlib.sha256()
        self._open.append(id(value))
        try:
            for part in self._parts(value):
                total.update(part if isinstance(part, bytes) else part.encode())
                total.update(b"\0")
        except NoContentError:
            raise
        except Exception as error:  # of a foreign object
            raise NoContentError(
                f"a {type(value).__name__} cannot be read ({type(error).__name__})"
            ) from error
        finally:
            self._open.pop()
        return total.hexdigest()

    def _parts(self, value: Any) -> Iterator[str | bytes]:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            # With its type: an enumeration's member is more than a number.
            yield from (type(value).__qualname__, repr(value))
        elif isinstance(value, types.ModuleType):
            yield from ("module", self._file(value.__name__) or value.__name__)
        elif isinstance(value, type):
            yield from self._of_class(value)
        elif isinstance(value, types.FunctionType):
            yield from self._of_function(value)
        elif isinstance(value, types.MethodType):
            yield from ("method", *self._all(value.__self__, value.__func__))
        elif isinstance(value, functools.partial):
            yield from ("partial", *self._all(value.func, value.args, value.keywords))
        elif isinstance(value, types.BuiltinFunctionType | np.ufunc):
            yield from ("built in", str(getattr(value, "__module__", "")), value.__name__)
        elif callable(inner := getattr(value, "__wrapped__", None)):
            # As `jax.jit` and `functools.cache` leave it.
            yield from ("wrapped", type(value).__qualname__, self.digest(inner))
        elif all(hasattr(value, name) for name in ("__array__", "dtype", "shape")):
            yield from self._of_array(np.asarray(value))
        elif isinstance(value, list | tuple):
            yield from (type(value).__qualname__, *self._all(*value))
        elif isinstance(value, set | frozenset):
            yield from ("set", *sorted(map(digest_of, value)))
        elif isinstance(value, Mapping):
            by_key = {digest_of(key): item for key, item in value.items()}
            for key, item in sorted(by_key.items(), key=operator.itemgetter(0)):
                yield from (key, self.digest(item))
        else:
            yield from ("object", *self._all(type(value), self._state(value)))

    def _all(self, *values: Any) -> list[str]:
        return [self.digest(value) for value in values]

    def _of_array(self, array: Any) -> Iterator[str | bytes]:
        yield from ("array", array.dtype.str, str(array.shape))
        if array.dtype.hasobject:
            yield from self._all(*array.ravel().tolist())
        else:
            yield np.ascontiguousarray(array).tobytes()

    def _of_class(self, cls: type) -> Iterator[str]:
        yield from ("class", cls.__qualname__)
        if (file := self._source_file(cls)) is not None:
            yield file
            return
        # Not `inspect.getsource`: it finds no class of a notebook.
        yield from self._all(*cls.__bases__)
        made = dataclasses.is_dataclass(cls)
        for name, item in sorted(vars(cls).items()):
            for member in _members(item):
                if isinstance(member, types.FunctionType):
                    where = member.__code__.co_filename
                    if not (made and name in _GENERATED and where in _BY_DATACLASS):
                        yield from (name, self.digest(member))
                elif not name.startswith(("__", "_abc_")):
                    yield from (name, self.digest(member))

    def _of_function(self, function: types.FunctionType) -> Iterator[str]:
        yield from ("function", function.__qualname__)
        yield from self._all(function.__defaults__, function.__kwdefaults__)
        for cell in function.__closure__ or ():
            try:
                yield self.digest(cell.cell_contents)
            except ValueError:  # nothing yet
                yield "empty"
        if (file := self._source_file(function)) is not None:
            yield file
            return
        try:
            yield inspect.getsource(function.__code__)
        except (OSError, TypeError):
            name = function.__qualname__
            raise NoContentError(f"the source of {name} cannot be found") from None
        for name in sorted(_globals(function.__code__)):
            if name in function.__globals__:
                yield from (name, self.digest(function.__globals__[name]))

    def _source_file(self, code: Any) -> str | None:
        """What stands for all that a class or function runs; None in a script or a notebook."""
        found = self._file(code.__module__)
        if found is not None and _FIRST.setdefault(code, found) != found:
            raise NoContentError(
                f"the source of {code.__qualname__} has changed since it was first used; import it "
                "anew"
            )
        return found

    def _file(self, module: str | None) -> str | None:
        """The digest of a user's module, the name of one that is installed; else None."""
        if module is None or module == "__main__":
            return None
        if module not in self._files:
            installed = source.installed(module)
            self._files[module] = module if installed else source.digest_of(module)
        return self._files[module]

    def _state(self, value: Any) -> Any:
        """What an object holds."""
        if dataclasses.is_dataclass(value):
            names = (field.name for field in dataclasses.fields(value))
            return {name: getattr(value, name, None) for name in names}
        cls = type(value)
        if self._file(cls.__module__) == cls.__module__:
            # Installed: as it says itself what it holds.
            return [list(x) if isinstance(x, Iterator) else x for x in _reduced(value)]
        found = dict(getattr(value, "__dict__", {}))
        for each in cls.__mro__:
            slots = vars(each).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    found[name] = getattr(value, name)
            for name, item in vars(each).items():
                if isinstance(item, functools.cached_property):
                    found.pop(name, None)
        return found


def _reduced(value: Any) -> Any:
    parts = value.__reduce_ex__(2)
    return (parts,) if isinstance(parts, str) else parts


def _members(item: Any) -> tuple[Any, ...]:
    """What a class's attribute runs or holds."""
    if isinstance(item, staticmethod | classmethod):
        return (item.__func__,)
    if isinstance(item, property):
        return tuple(part for part in (item.fget, item.fset, item.fdel) if part is not None)
    if isinstance(item, functools.cached_property):
        return (item.func,)
    if isinstance(item, types.MemberDescriptorType | types.GetSetDescriptorType):
        return ()
    return (item,)


def _globals(code: types.CodeType) -> set[str]:
    """Names that a function looks up in its module, also those that are made inside it."""
    found = {
        step.argval for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }  # fmt: skip
    inner = (_globals(part) for part in code.co_consts if isinstance(part, types.CodeType))
    return found.union(*inner)
