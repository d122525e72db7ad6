"""Finds the compiled modules of a build, if there is one for these sources and this Python."""

import sys
from collections.abc import Sequence
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parents[1]
BUILDS = PACKAGE / ".compiled"
MODULES = (
    "codec.changes",
    "codec.columns",
    "codec.data",
    "codec.dead_letters",
    "codec.envelope",
    "codec.events",
    "codec.marks",
    "codec.state",
    "codec.times",
    "domain.calendar",
    "domain.changes",
    "domain.dimensions.contact",
    "domain.dimensions.crossing",
    "domain.dimensions.opportunity",
    "domain.dimensions.score",
    "domain.dimensions.share",
    "domain.evaluate",
    "domain.events",
    "domain.facts.bounds",
    "domain.facts.contacts",
    "domain.facts.fold",
    "domain.facts.growth",
    "domain.facts.index",
    "domain.facts.orders",
    "domain.facts.placed",
    "domain.facts.referrals",
    "domain.facts.unite",
    "domain.facts.state",
    "domain.facts.window",
    "domain.ids",
    "domain.merge",
    "domain.model",
    "domain.pareto",
    "domain.policy",
    "domain.profile",
    "domain.reactions",
    "domain.rhythm",
    "domain.segments.exit",
    "domain.segments.judge",
    "domain.segments.proof",
    "domain.settle",
    "domain.status",
    "domain.value",
    "engine.fetched",
    "engine.fold",
    "engine.inputs",
    "engine.stores.cache",
    "engine.stores.frame",
    "engine.stores.layout",
    "engine.transactions.records",
    "engine.unit",
    "processor.customers",
    "processor.due",
    "processor.hop",
    "processor.policies",
    "processor.status",
    "processor.streams",
    "processor.sweep",
    "replay.evaluation",
    "replay.lives",
    "replay.routing",
    "replay.row",
    "replay.shard",
)


def source(module: str) -> Path:
    """The source of one of `MODULES`."""
    return PACKAGE / f"{module.replace('.', '/')}.py"


def build_dir() -> Path:
    """Where the build of the sources as they are now lies, or would lie.

    What lies beside a compiled module counts, too: mypyc builds in the shapes of the tuples that others hand it.
    """
    digest = sha256(EXTENSION_SUFFIXES[0].encode())
    for folder in sorted({source(module).parent for module in MODULES}):
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    return BUILDS / digest.hexdigest()[:16]


class CompiledFinder(MetaPathFinder):
    """Serves the modules of one build before Python looks for their sources."""

    def __init__(self, build: Path) -> None:
        self.build = build
        self._files = {path.name.removesuffix(EXTENSION_SUFFIXES[0]): path for path in build.rglob(f"*{EXTENSION_SUFFIXES[0]}")}
        self._names = frozenset(f"stream_app.{module}" for module in MODULES)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        """The compiled module, or None for all others."""
        if fullname in self._names:
            file = self.build / f"{fullname.replace('.', '/')}{EXTENSION_SUFFIXES[0]}"
        elif fullname.endswith("__mypyc") and fullname in self._files:
            file = self._files[fullname]  # what the modules of one build share
        else:
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, str(file)))


def use() -> None:
    """Let the compiled modules be imported, if there are any."""
    if "pure" in sys._xoptions or is_in_use():  # noqa: SLF001 - documented for exactly this
        return
    build = build_dir()
    if build.is_dir():
        sys.meta_path.insert(0, CompiledFinder(build))


def is_in_use() -> bool:
    """Whether this process runs the compiled modules."""
    return any(isinstance(finder, CompiledFinder) for finder in sys.meta_path)
