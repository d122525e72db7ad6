"""Processes under measurement: what they cost."""

import os
from pathlib import Path


def usage(pid: int) -> tuple[float, int]:
    """CPU seconds and resident MiB of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    each = [_usage(one) for one in (pid, *map(int, children))]
    return sum(cpu_s for cpu_s, _ in each), sum(rss_mib for _, rss_mib in each)


def _usage(pid: int) -> tuple[float, int]:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") >> 20
