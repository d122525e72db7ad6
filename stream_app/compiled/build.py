"""`python -m stream_app.compiled.build`: compile the rules, for this Python, if that has not been done for these sources."""

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from stream_app.compiled.finder import BUILDS, MODULES, PACKAGE, build_dir, source


def main() -> None:
    """Build, and say how it ended in one line; a machine without a compiler is no error."""
    target = build_dir()
    if target.is_dir():
        return
    compiler = find_compiler()
    if compiler is None:
        sys.stderr.write("no C compiler here: running without compiled rules, about a third slower\n")
        return
    sys.stderr.write("compiling the rules (half a minute)\n")
    try:
        build(target, compiler)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever goes wrong, the pure Python rules run
        sys.stderr.write(f"the rules could not be compiled ({type(error).__name__}): running without, about a third slower\n")


def find_compiler() -> str | None:
    """The command of a C compiler: the machine's, or the one that comes as a Python package."""
    found = shutil.which("cc") or shutil.which("gcc")
    if found is not None:
        return found
    return f"{sys.executable} -m ziglang cc" if importlib.util.find_spec("ziglang") else None


def build(target: Path, compiler: str) -> None:
    """Compile into `target`, which appears whole or not at all.

    Raises:
        Exception: whatever mypy, the C compiler or the disk has to say.
        SystemExit: what mypyc ends with when a module does not compile.
    """
    from mypyc.build import mypycify
    from setuptools import setup

    BUILDS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILDS) as scratch, (Path(scratch) / "log").open("w") as log:
        out = Path(scratch) / "out"
        # Where a processor can multiply and add in one step, C would, and round otherwise than Python.
        # And nobody puts other functions in the place of ours, so that they call each other directly. Python's own flags are lost
        # where there are others: without NDEBUG each access would check its object, and Python counts on numbers that wrap.
        flags = "-ffp-contract=off -fno-semantic-interposition -fvisibility=hidden -DNDEBUG -fwrapv"
        os.environ["CFLAGS"] = f"{os.environ.get('CFLAGS', '')} {flags}"
        os.environ.update(CC=compiler, LDSHARED=f"{compiler} -shared", ZIG_GLOBAL_CACHE_DIR=scratch, ZIG_LOCAL_CACHE_DIR=scratch)
        os.chdir(PACKAGE.parent)  # mypy's configuration lies there
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            extensions = mypycify([str(source(module)) for module in MODULES], target_dir=f"{scratch}/c", debug_level="0")
            script = ["--quiet", "build_ext", f"--build-lib={out}", f"--build-temp={scratch}/o"]
            setup(name="stream-app-compiled", packages=[], ext_modules=extensions, script_args=script)  # type: ignore[arg-type]
        for old in BUILDS.iterdir():
            if old != Path(scratch):
                shutil.rmtree(old, ignore_errors=True)
        out.rename(target)


if __name__ == "__main__":
    main()
