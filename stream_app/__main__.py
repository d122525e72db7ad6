"""The program `stream-app`."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from typer.exceptions import Abort, Exit, TyperException
from typer.main import get_command

from stream_app.cli import show
from stream_app.cli.app import app


def run(words: Sequence[str]) -> int:
    """Run one command; returns the exit status. Whatever happens, an error is one line and never a traceback."""
    try:
        status = get_command(app).main(args=list(words), prog_name="stream-app", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        text = error.format_message()
        if text.startswith("Usage:"):  # no command was given
            show.note(text)
        else:
            show.note(f"stream-app: {' '.join(text.split())} (see `stream-app --help`)")
        return show.WRONG_USAGE
    except Exit as error:
        return error.exit_code
    except Abort:
        return show.INTERRUPTED
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        return show.exit_status(error)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
        return show.exit_status(error)
    return status if isinstance(status, int) else show.DONE


def main() -> NoReturn:
    """The entry point of the program."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
