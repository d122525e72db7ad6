"""A worker process that runs W1 on our engine; settings come from the environment, as for the real worker.

Called as `python -m benchmarks.w1.worker OUTPUT`.
"""

import asyncio
import gc
import sys

from benchmarks.w1_fold import W1Processor
from stream_app.engine.fold import Processor
from stream_app.errors import StreamAppError
from stream_app.settings import load_settings
from stream_app.telemetry.logs import configure_logging
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.app import run_engine
from stream_app.worker.preflight import lock_data_dir
from stream_app.worker.topics import TABLE


def main(output: str) -> int:
    """Run until told to stop."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)  # as the real worker does

    def factory(partition: int, partitions: int) -> Processor:  # noqa: ARG001 - as the engine calls it
        return W1Processor(output)

    try:
        lock_data_dir(settings.data_dir)
        asyncio.run(run_engine(settings, factory, Metrics(), table=TABLE, inputs=("orders",), outputs=(output,)))
    except StreamAppError as error:
        sys.stderr.write(f"stream-app: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
