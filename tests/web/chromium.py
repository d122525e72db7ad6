"""Chromium for the tests: Debian's, installed when we may; where there is none, its tests skip and name the package."""

import os
import shutil
import subprocess

import pytest

PACKAGE = "chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The path of the browser."""
    found = _installed()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE]):
            subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, check=False)
        found = _installed()
    if found is None:
        pytest.skip(f"no browser: install the package {PACKAGE}")
    return found


def _installed() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)
