"""HTTP over the appliance's Unix socket, with the standard library alone."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import BrokenOff, NotReachable, TimedOut, of_problem

# Seconds without a byte that a read waits for, where nothing else is said: an appliance by itself gives an export two
# hours, and may say nothing until the first row is found.
PATIENCE_S = 7_200


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float):
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Body:
    """A body as a file object that is read once; its end is looked at."""

    def __init__(self, response: http.client.HTTPResponse):
        self._response = response
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """So many bytes, all that follow where the size is negative, and none at the end."""
        try:
            piece = self._response.read(None if size is None or size < 0 else size)
        except TimeoutError as error:
            raise _timed_out() from error
        except (http.client.HTTPException, OSError) as error:
            raise _broken_off() from error
        # Read by pieces, a body of a length that was said ends early without a word from http.client.
        if not piece and size != 0 and self._response.length:
            raise _broken_off()
        return piece

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _timed_out() -> TimedOut:
    return TimedOut(
        "timed_out", "the appliance said nothing for too long; ask the Trust, or give FLIP(timeout_s=...) more seconds"
    )


def _broken_off() -> BrokenOff:
    return BrokenOff("broken_off", "the appliance's answer ended before it was whole")


@contextmanager
def opened(path: str, token: str, target: str, timeout_s: float) -> Iterator[Body]:
    """The body of a GET that was answered well."""
    connection = _Connection(path, timeout_s)
    try:
        try:
            connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
        except TimeoutError as error:
            raise _timed_out() from error
        except (http.client.HTTPException, OSError) as error:
            raise NotReachable(
                "not_reachable", f"no appliance answers at {path} ({error}); is it running, and is this its account?"
            ) from error
        if response.status != 200:
            try:
                problem = json.loads(response.read())
            except (ValueError, http.client.HTTPException, OSError):
                problem = {}
            raise of_problem(response.status, problem if isinstance(problem, dict) else {})
        yield Body(response)
    finally:
        connection.close()
