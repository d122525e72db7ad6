"""A worker process with the toy processor; settings come from the environment, as for the real worker."""

import asyncio
import sys

from stream_app.engine.fold import ProcessorFactory
from stream_app.errors import StreamAppError
from stream_app.settings import load_settings
from stream_app.telemetry.logs import configure_logging
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.app import OUTPUTS, run_engine
from stream_app.worker.preflight import lock_data_dir
from stream_app.worker.topics import INPUTS, TABLE
from tests.toy import ToyProcessor


def main(factory: ProcessorFactory = ToyProcessor) -> int:
    """Run until told to stop."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    try:
        lock_data_dir(settings.data_dir)
        asyncio.run(run_engine(settings, factory, Metrics(), table=TABLE, inputs=INPUTS, outputs=OUTPUTS))
    except StreamAppError as error:
        sys.stderr.write(f"stream-app: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
