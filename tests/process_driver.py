"""A supervisor in a process of its own; a helper of the tests.

    python process_driver.py <folder>

Prints the process ids of its two programs, and goes on until told to stop.
"""

import signal
import sys
from pathlib import Path

from inventory_platform.operations.processes import Program, Supervisor

SLEEP = ("/bin/sh", "-c", "sleep 61 & wait")


def main(folder: Path) -> None:
    supervisor = Supervisor(
        [Program("one", SLEEP), Program("two", SLEEP)],
        logs=folder,
        state_file=folder / "programs.json",
        tell=lambda line: None,
    )
    for what in (signal.SIGINT, signal.SIGTERM):
        signal.signal(what, lambda *_: supervisor.stop())
    with supervisor:
        for state in supervisor.states:
            sys.stdout.write(f"{state.pid}\n")
            sys.stdout.flush()
        supervisor.watch(lambda: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
