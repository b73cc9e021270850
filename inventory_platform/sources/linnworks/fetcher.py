"""What is fetched from Linnworks, and how nothing of it is missed.

Linnworks answers lists in pages by number, and a list may change between two pages. So a list
is kept aside until it is certain that its pages belong together: as many rows as it says it
has, none of them twice; where it does not say how many there are, its last page must be the
same when it is asked for again. Otherwise the whole list is read again.

Orders are read slice by slice of time, the oldest first, with a checkpoint after each, so that
a long first reading goes on where it was interrupted. Everything else is small enough to be
read at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from tempfile import SpooledTemporaryFile
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.base import Checkpoint, Fetch, FetchItem, Page
from inventory_platform.sources.linnworks.client import (
    Answer,
    Credentials,
    LinnworksClient,
    RefusedError,
)

_log = logging.getLogger(__name__)
