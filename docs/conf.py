"""The documentation site: Sphinx over these pages, and a reference that is made from the code at every build."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from stream_app import __version__  # noqa: E402 - the path is set above

project = "stream-app"
release = version = __version__
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"stream-app {__version__}"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
exclude_patterns = ["_build"]
# Files of the checkout beside these pages are linked for readers of the repository, and are no pages.
suppress_warnings = ["myst.xref_missing"]


def setup(app: object) -> None:
    """Write the reference before the pages are read."""
    from reference import write_reference

    assert app is not None
    write_reference(HERE / "reference")
