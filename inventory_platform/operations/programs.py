"""What people open and the programs behind it: Dagster, the dashboard, the portal.

Here belongs how each program is called, where it listens and which page is found where. How
programs are kept running is `processes.py`; the page that links them is `portal.py`.

Dagster's pages and its daemon share one code server, which loads the platform once. It listens
on a socket in a folder of the person who started it: whoever reaches a code server can run code.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

from inventory_platform.operations.processes import Program
from inventory_platform.settings import PROJECT_DIR, Settings

CODE_SERVER = "code-server"
DAGSTER = "dagster"
DAGSTER_VIEWERS = "dagster-viewers"
DAEMON = "daemon"
DASHBOARD = "dashboard"
PORTAL = "portal"
NAMES = {
    PORTAL: "This page",
    DAGSTER: "Dagster's pages",
    DAGSTER_VIEWERS: "Dagster's pages for viewers",
    CODE_SERVER: "Dagster's code server",
    DAEMON: "Dagster's daemon: schedules and sensors",
    DASHBOARD: "Dashboard",
}
"""Program → what people call it."""

# Below the public address, where a reverse proxy leads here.
DAGSTER_PATH = "/dagster"
DASHBOARD_PATH = "/dashboard"

_BIN = Path(sys.executable).parent
_MODULE = "inventory_platform.definitions"
_DASHBOARD_NEEDS = ("streamlit", "plotly")


def state_file(settings: Settings, *, read_only: bool) -> Path:
    """Where the states of the programs are told."""
    return settings.data_dir / "ui" / ("read-only.json" if read_only else "programs.json")


def dashboard_url(settings: Settings) -> str:
    """Where people find the dashboard."""
    local = f"http://127.0.0.1:{settings.dashboard_port}"
    return f"{settings.public_url}{DASHBOARD_PATH}" if settings.public_url else local


def programs(settings: Settings, folder: Path, *, read_only: bool) -> list[Program]:
    """The programs of `inventory ui`, the slowest to start first.

    Args:
        settings: Where everything is.
        folder: An empty folder that nobody else may enter, for the code server's socket.
        read_only: Leave out whatever could start a run: the daemon, and Dagster's buttons.
    """
    socket = folder / "code"
    workspace = folder / "workspace.yaml"
    # The name is part of how Dagster remembers which sensors are on: that of workspace.yaml.
    location = {"grpc_server": {"socket": str(socket), "location_name": _MODULE}}
    workspace.write_text(json.dumps({"load_from": [location]}), encoding="utf-8")
    started = [
        Program(
            CODE_SERVER,
            [
                *(str(_BIN / "dagster"), "code-server", "start", "-m", _MODULE),
                *("-s", str(socket), "--location-name", _MODULE, "--log-level", "warning"),
            ],
            socket=socket,
        ),
        Program(
            PORTAL,
            [
                *(sys.executable, "-m", "inventory_platform.operations.portal"),
                str(state_file(settings, read_only=read_only)),
            ],
            port=settings.portal_port,
            setting="INVENTORY_PORTAL_PORT",
            answers="/",
        ),
        _webserver(
            settings, workspace, DAGSTER, settings.dagster_port, "DAGSTER_PORT", read_only=read_only
        ),
        _dashboard(settings),
    ]
    if settings.dagster_viewers_port is not None and not read_only:
        port = settings.dagster_viewers_port
        name = "DAGSTER_VIEWERS_PORT"
        started.append(_webserver(settings, workspace, DAGSTER_VIEWERS, port, name, read_only=True))
    if not read_only:
        command = [str(_BIN / "dagster-daemon"), "run", "-w", str(workspace)]
        started.append(Program(DAEMON, command))
    return started


def _webserver(
    settings: Settings, workspace: Path, name: str, port: int, setting: str, *, read_only: bool
) -> Program:
    prefix = DAGSTER_PATH if settings.public_url else ""
    command = [
        *(str(_BIN / "dagster-webserver"), "-w", str(workspace)),
        *("-h", "127.0.0.1", "-p", str(port)),
        *(["--path-prefix", prefix] if prefix else []),
        *(["--read-only"] if read_only else []),
    ]
    answers = f"{prefix}/server_info"
    return Program(name, command, port=port, setting=f"INVENTORY_{setting}", answers=answers)


def _dashboard(settings: Settings) -> Program:
    app = PROJECT_DIR / "dashboard" / "app.py"
    lacking = [name for name in _DASHBOARD_NEEDS if find_spec(name) is None]
    missing = ""
    if lacking:
        missing = f"{' and '.join(lacking)} missing; `make ui` installs what it needs"
    elif not app.exists():
        missing = f"{app.relative_to(PROJECT_DIR)} is missing from this checkout"
    prefix = DASHBOARD_PATH if settings.public_url else ""
    return Program(
        DASHBOARD,
        [
            *(sys.executable, "-m", "streamlit", "run", str(app)),
            *("--server.address", "127.0.0.1", "--server.port", str(settings.dashboard_port)),
            *(["--server.baseUrlPath", prefix.strip("/")] if prefix else []),
        ],
        port=settings.dashboard_port,
        setting="INVENTORY_DASHBOARD_PORT",
        answers=f"{prefix}/_stcore/health",
        environment={"INVENTORY_PUBLISHED": str(settings.published_dir)},
        missing=missing,
    )
