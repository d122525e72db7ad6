"""What a check has found."""

from typing import Literal

from msgspec import Struct

Status = Literal["ok", "warning", "failed", "skipped"]


class Finding(Struct, frozen=True):
    """One line of the doctor.

    Attributes:
        check: broker, topics, acls, clock, store, erasure, policies or group.
        status: a warning leaves the exit status alone; skipped means that it could not be looked at.
        text: what was found; of a failure, what is wrong and, after a colon, how to mend it.
    """

    check: str
    status: Status
    text: str


def failures(findings: list[Finding]) -> int:
    """How many have failed."""
    return sum(1 for finding in findings if finding.status == "failed")
