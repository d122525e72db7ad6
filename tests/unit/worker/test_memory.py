"""Large blocks that are given back do not stay in the heap of a worker, and cycles are found in one that has little to do."""

import asyncio
import gc
import platform
import subprocess
import sys
import weakref

import pytest

from stream_app.worker.memory import drop_cycles

_PROGRAM = """
import ctypes, gc, sys
if sys.argv[1] == "tuned":
    from stream_app.worker.memory import tune_memory
    tune_memory()
    assert gc.get_threshold() == (100_000, 20, 50) and gc.get_freeze_count() > 0
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def heap():
    with open("/proc/self/maps") as maps:
        low, high = next(line.split()[0] for line in maps if line.rstrip().endswith("[heap]")).split("-")
    return range(int(low, 16), int(high, 16))

for _ in range(2):
    blocks = [libc.malloc(2 << 20) for _ in range(8)]
    inside = sum(block in heap() for block in blocks)
    for block in blocks:
        libc.free(block)
print(inside)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc moves its threshold")
@pytest.mark.parametrize(("how", "in_heap"), [("untuned", 8), ("tuned", 0)])
def test_blocks_of_a_write_buffer_are_mapped_also_the_second_time(how: str, in_heap: int) -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=True)
    assert int(done.stdout) == in_heap


class _Ring:
    def __init__(self) -> None:
        self.itself = self


async def test_a_cycle_is_found_without_any_threshold_being_reached() -> None:
    gc.disable()
    tidying = asyncio.create_task(drop_cycles(0.01))
    try:
        ring = weakref.ref(_Ring())
        assert ring() is not None
        async with asyncio.timeout(5):
            while ring() is not None:
                await asyncio.sleep(0.01)
    finally:
        tidying.cancel()
        gc.enable()
