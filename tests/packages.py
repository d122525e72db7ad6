"""Debian's packages that tests need: fetched before the first test where we may, so that no two processes fetch them at once."""

import os
import shutil
import subprocess
from pathlib import Path


def missing() -> list[str]:
    """The packages that this machine lacks."""
    has_browser = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    has_database = any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    has_monitor = all(map(shutil.which, ("prometheus", "promtool")))
    wanted = (("chromium", has_browser), ("postgresql", has_database), ("prometheus", has_monitor))
    return [name for name, is_there in wanted if not is_there]


def fetch() -> None:
    """Install what is missing, as root; what cannot be installed is named by the test that then skips."""
    names = missing()
    if not names or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names]):
        subprocess.run(command, env=quiet, capture_output=True, check=False, timeout=600)
