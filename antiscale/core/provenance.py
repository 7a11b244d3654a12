"""What made a result: the commit of this code and the versions it ran with."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from antiscale.core.version import __version__

_HERE = Path(__file__).resolve().parent


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    names = ("jax", "jaxlib", "numpy", "scipy", "pandas", "pyarrow", "matplotlib")
    found = {"antiscale": __version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in names}


def git_commit() -> str | None:
    """Return the commit of this code when it runs from its own checkout, "+" if changed since."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_HERE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        home = Path(git("rev-parse", "--show-toplevel"))
        if not _HERE.is_relative_to(home / "antiscale"):
            return None
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
