"""How a process that folds uses memory: what it drops is found late, and what is large goes back to the system when it is given back."""

import asyncio
import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE_BYTES = 2 << 20  # what a unit of work sends stays below it: mapped, each of its pages would be new to the process every time
_KEPT_BYTES = 32 << 20
_EVERY_S = 60.0


def tune_memory() -> None:
    """Set up this process for units of work; once, when everything is imported."""
    # A unit makes and drops a hundred thousand small objects without cycles; walking them every 700 allocations costs a tenth.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    _map_large_blocks()


async def drop_cycles(every_s: float = _EVERY_S) -> None:
    """Find what refers to itself and is not needed, once a minute, until cancelled.

    In a quiet process half an hour goes by until thresholds that suit a busy one are reached, and some 10 MiB.
    """
    while True:
        await asyncio.sleep(every_s)
        gc.collect()


def _map_large_blocks() -> None:
    """Let glibc map every large block apart from the heap, always; another C library goes on as it does.

    RocksDB takes write buffers in blocks of 2 MiB, and gives them back when they are on disk. By itself glibc maps such blocks until the
    first one is given back, and takes them from the heap from then on. There, what lives longer comes to lie between them, and the
    process keeps tens of MiB that nobody uses.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)  # with a threshold of ours it would be 128 KiB, and every unit would pay for it
