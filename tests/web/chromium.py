"""Chromium for the tests: Debian's, installed when we may; where there is none, its tests skip and name the package."""

import shutil

import pytest

from tests import packages

PACKAGE = "chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The path of the browser."""
    found = _installed()
    if found is None:
        packages.fetch()
        found = _installed()
    if found is None:
        pytest.skip(f"no browser: install the package {PACKAGE}")
    return found


def _installed() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)
