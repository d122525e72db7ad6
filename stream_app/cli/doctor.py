"""`doctor`: what a worker needs, looked at."""

import asyncio
from typing import Annotated

import msgspec
import typer

from stream_app.cli import show
from stream_app.errors import Failure


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False) -> None:
    """Check everything that a worker needs.

    Broker, topics, rights, clock, store, policies, and the workers that run. Nothing is changed, and workers may run meanwhile.
    Each failure is one line with its fix, and the exit status is then 1; a warning alone leaves it at 0.
    """
    settings = show.settings_for_command()
    from stream_app.worker.doctor.examine import examine
    from stream_app.worker.doctor.findings import failures

    findings = asyncio.run(examine(settings))
    failed = failures(findings)
    if as_json:
        show.document({"ok": not failed, "checks": [msgspec.structs.asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            show.line(f"{finding.status:<8} {finding.check:<9} {finding.text}")
    if failed:
        raise Failure(f"{failed} of {len(findings)} checks failed: mend what they say, then ask again")
