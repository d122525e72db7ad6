"""A worker that runs W1 on our engine; settings come from the environment, as for the real worker.

Called as `python -m benchmarks.w1.worker OUTPUT`. As the real worker with `STREAM_APP_PROCESSES` (worker/processes/several.py) it is a
process for each core, every one a member of the group: the peers that can have two threads have them, too.
"""

import asyncio
import signal
import subprocess
import sys
import threading

from benchmarks.place import CORES
from benchmarks.w1_fold import W1Processor
from stream_app.engine.fold import Processor
from stream_app.errors import StreamAppError
from stream_app.settings import Settings, load_settings
from stream_app.telemetry.logs import configure_logging
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.app import run_engine
from stream_app.worker.memory import tune_memory
from stream_app.worker.preflight import lock_data_dir
from stream_app.worker.processes import child
from stream_app.worker.processes.several import as_process
from stream_app.worker.topics import TABLE

_STOP_S = 12.0
_LOOK_S = 0.1


def main(output: str, number: str | None = None) -> int:
    """Run until told to stop; `number` is which of the processes this is."""
    settings = load_settings(processes=CORES, instance="w1")
    try:
        return _start(output) if number is None else _work(as_process(settings, int(number)), output)
    except StreamAppError as error:
        sys.stderr.write(f"stream-app: {error}\n")
        return 1


def _start(output: str) -> int:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    command = (sys.executable, "-m", "benchmarks.w1.worker", output)
    processes: list[subprocess.Popen[bytes]] = [child.spawn((*command, str(number)), output=None) for number in range(CORES)]
    while not stopped.wait(_LOOK_S) and all(process.poll() is None for process in processes):
        pass
    for process in processes:
        child.stop(process, _STOP_S)
    return next((process.returncode for process in processes if process.returncode), 0)


def _work(settings: Settings, output: str) -> int:
    configure_logging(settings.log_format, settings.log_level)
    tune_memory()

    def factory(partition: int, partitions: int) -> Processor:  # noqa: ARG001 - as the engine calls it
        return W1Processor(output)

    lock_data_dir(settings.data_dir)
    asyncio.run(run_engine(settings, factory, Metrics(), table=TABLE, inputs=("orders",), outputs=(output,)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
