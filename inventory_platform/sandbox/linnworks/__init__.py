"""A Linnworks server in a box: an invented shop behind the methods of the real API.

`create_app` makes the application; `Faults` chooses its odd behaviours, `Credentials` what an
application has to show.
"""

from inventory_platform.sandbox.linnworks.app import create_app
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.gate import Credentials

__all__ = ["Credentials", "Faults", "create_app"]
