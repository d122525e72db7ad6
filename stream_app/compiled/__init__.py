"""The rules as machine code: the same modules, compiled by mypyc, used when a build of exactly these sources is at hand.

Owns: which modules are compiled, where a build lies, how Python finds it, and which Python set-up takes.
Called by: stream_app (before anything else is imported), worker and replay (to say which one runs), the Makefile.
May import: nothing of ours.
Start at: finder.py, then build.py, interpreter.py.

The pure Python modules stay the truth and run without a build, about a third slower. A build is kept under a digest of its
sources: an edited source has none, so that a stale one is never run. `python -X pure` runs without one.
"""

from stream_app.compiled.finder import is_in_use, use

SLOWER = "the rules run as plain Python, about a third slower; to compile them: python -m stream_app.compiled.build"

__all__ = ["SLOWER", "is_in_use", "use"]
