"""The command that runs a configuration again."""

import dataclasses
import json
import shlex
from collections.abc import Mapping
from typing import Any

from antiscale.core.config import writable
from antiscale.learners import BUILT_IN
from antiscale.sweeps.config import SweepConfig, given_as_object


def sweep_command(config: SweepConfig) -> str:
    """Return `antiscale sweep` with the options that are not at their defaults, for a shell.

    A run of objects has no such command; then a comment says so.
    """
    objects = [name for name in config.learner if ":" not in name and name not in BUILT_IN]
    if given_as_object(config.parameters):
        objects.insert(0, config.family)
    if objects:
        named = shlex.join(objects)
        return f"# of objects ({named}): run it again by the call of ac.sweep in Python"
    words = ["antiscale", "sweep"]
    default = SweepConfig()
    for field in dataclasses.fields(config):
        value: Any = getattr(config, field.name)
        flag = field.metadata["flag"] or f"--{field.name.replace('_', '-')}"
        if value == getattr(default, field.name):
            continue
        if isinstance(value, Mapping):
            for key, item in writable(value).items():
                words += [flag, f"{key}={json.dumps(item)}"]
        elif isinstance(value, tuple):
            words += [word for name in value for word in (flag, name)]
        elif value is True:
            words.append(flag)
        else:
            words += [flag, str(value)]
    return shlex.join(words)
