"""HTTP over the appliance's Unix socket, with the standard library alone."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import BrokenOff, NotReachable, of_problem

# Seconds without a byte: longer than an export may wait for its turn and its engine may work on the question.
PATIENCE_S = 600


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str):
        super().__init__("localhost", timeout=PATIENCE_S)
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


def _broken_off() -> BrokenOff:
    return BrokenOff("broken_off", "the appliance's answer ended before it was whole")


@contextmanager
def opened(path: str, token: str, target: str) -> Iterator[Body]:
    """The body of a GET that was answered well."""
    connection = _Connection(path)
    try:
        try:
            connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
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
