"""How JAX is set up: float64 always, and compiled code kept between runs.

Modules that compute with JAX import this one first.
"""

import os
from pathlib import Path

import jax
import platformdirs

jax.config.update("jax_enable_x64", True)


def backend() -> str:
    """Return the name of the device JAX computes on: cpu, gpu or tpu."""
    return jax.default_backend()


def description() -> str:
    """Return the devices in words."""
    return ", ".join(f"{device.platform}: {device.device_kind}" for device in jax.devices())


def cache_directory() -> Path:
    """Where compiled code is kept (`JAX_COMPILATION_CACHE_DIR` overrides)."""
    chosen = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("antiscale") / "jax"


def keep_compiled_code() -> None:
    """Reuse compiled code from earlier runs; without a writable cache just compile again."""
    directory = cache_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    jax.config.update("jax_compilation_cache_dir", str(directory))
    # Everything here is small: keep it all.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
