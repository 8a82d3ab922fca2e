"""Reads a frozen cohort from the FLIP Edge appliance of the Trust where this code runs.

What must stay true: the only place that is spoken to is the appliance's Unix socket; no record is in an exception or
a log line; half an answer is an exception. Needs the standard library alone, and pyarrow and pandas where asked for
their types.
"""

from .client import FLIP
from .errors import (
    BadToken,
    BrokenOff,
    Busy,
    CohortGone,
    FlipError,
    NotConfigured,
    NotReachable,
    Refused,
    TimedOut,
    WrongProject,
)

__all__ = [
    "FLIP",
    "BadToken",
    "BrokenOff",
    "Busy",
    "CohortGone",
    "FlipError",
    "NotConfigured",
    "NotReachable",
    "Refused",
    "TimedOut",
    "WrongProject",
]
__version__ = "0.1.0"
