"""What a module of the user's is made of: its source, and that of what it imports of theirs.

A run's hash holds this digest, so that results of an edited learner are not taken for its own.
"""

import ast
import functools
import hashlib
import importlib.util
import site
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path


def look_here() -> None:
    """Let modules be found in the current folder, new and edited ones too."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()


def modules_of(name: str) -> dict[str, Path]:
    """The files of a module and of what it imports, directly or not, by module name.

    Left out is what is installed (the standard library, antiscale, other packages), unless it is
    part of the module's own package.
    """
    look_here()
    found: dict[str, Path] = {}
    own = name.partition(".")[0]
    waiting = [name]
    while waiting:
        module = waiting.pop()
        top = module.partition(".")[0]
        if module in found or (top != own and not _users(_spec(top))):
            continue
        spec = _spec(module)
        if spec is None or spec.origin is None or not spec.has_location:
            continue
        found[module] = Path(spec.origin)
        package = spec.parent or ""
        # A package is run before what is in it.
        waiting += [module.rpartition(".")[0]] if "." in module else []
        if spec.origin.endswith(".py"):
            waiting += _imported(Path(spec.origin).read_bytes(), package)
    return found


def digest_of(name: str) -> str | None:
    """SHA-256 over the files of `modules_of`; None if the module is not found in a file."""
    files = modules_of(name)
    if name not in files:
        return None
    total = hashlib.sha256()
    for module in sorted(files):
        own = hashlib.sha256(files[module].read_bytes()).hexdigest()
        total.update(f"{module}\n{own}\n".encode())
    return total.hexdigest()


def installed(name: str) -> bool:
    """Whether a module is part of Python, of antiscale or of another installed package."""
    look_here()
    spec = _spec(name.partition(".")[0])
    return spec is not None and not _users(spec)


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except Exception:  # a package that does not load, or a module without a specification
        return None


def _imported(source: bytes, package: str) -> Iterator[str]:
    """Names that may be modules which the source imports."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                try:
                    base = importlib.util.resolve_name("." * node.level + base, package)
                except ImportError:
                    continue
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _users(spec: ModuleSpec | None) -> bool:
    """Whether a package or module is the user's own: in none of the places of installed ones."""
    if spec is None:
        return False
    places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or [])
    files = [Path(place).resolve() for place in places if place is not None]
    return bool(files) and not any(
        file.is_relative_to(place) for file in files for place in _installed()
    )


@functools.cache
def _installed() -> tuple[Path, ...]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return (
        *{Path(path).resolve() for path in (*paths, site.getusersitepackages())},
        Path(__file__).resolve().parents[1],
    )
