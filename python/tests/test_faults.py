"""What the module does when the appliance is busy, breaks off or says nothing: faults that a real one has no switch for.

A socket that speaks one scripted answer per connection stands for the appliance.
"""

import contextlib
import json
import os
import socket
import stat
import tempfile
import threading
import unittest
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pyarrow
import pyarrow.ipc

import flip_edge
from flip_edge import FLIP, client


def answer(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


def chunked(*pieces: bytes, ended: bool) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if ended else b"")


def stream_of(table: pyarrow.Table) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


BUSY = answer(json.dumps({"code": "busy", "title": "Other exports are under way."}).encode(), status="503 Busy")
TABLE = pyarrow.table({"person_id": list(range(1_000))})


@contextlib.contextmanager
def speaking(*answers: bytes) -> Iterator[tuple[FLIP, list[str]]]:
    """A client of a socket that gives these answers in turn, and the requests' first lines so far."""
    asked: list[str] = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(folder, "api.sock")
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            for text in answers:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        request += connection.recv(1 << 16)
                    asked.append(request.split(b"\r\n")[0].decode())
                    connection.sendall(text)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield FLIP(path, "flip_token"), asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


class Busy(unittest.TestCase):
    def test_it_asks_again_after_longer_and_longer_pauses_and_then_gives_the_rows(self):
        pauses: list[float] = []
        with (
            speaking(BUSY, BUSY, chunked(stream_of(TABLE), ended=True)) as (flip, asked),
            mock.patch.object(client.time, "sleep", pauses.append),
        ):
            self.assertTrue(flip.get_table().equals(TABLE))
        self.assertEqual(pauses, list(client.PAUSES_S[:2]))
        self.assertEqual(len(asked), 3)

    def test_in_the_end_it_says_so(self):
        times = len(client.PAUSES_S) + 1
        with (
            speaking(*[BUSY] * times) as (flip, asked),
            mock.patch.object(client.time, "sleep", lambda _: None),
            self.assertRaises(flip_edge.Busy) as caught,
        ):
            flip.get_accession_ids()
        self.assertEqual((caught.exception.code, len(asked)), ("busy", times))


class BrokenOff(unittest.TestCase):
    def check(self, call, *answers: bytes) -> None:
        for text in answers:
            with speaking(text) as (flip, _), self.assertRaises(flip_edge.BrokenOff) as caught:
                call(flip)
            self.assertEqual(caught.exception.code, "broken_off")

    def test_rows_that_end_in_the_middle_are_no_table(self):
        whole = stream_of(TABLE)
        # In a batch, after the last batch but before the end was said, and after no byte at all.
        answers = [chunked(whole[:2_000], ended=False), chunked(whole, ended=False), chunked(ended=False)]
        self.check(lambda flip: flip.get_table(), *answers)
        self.check(lambda flip: list(flip.get_batches()), *answers)

    def test_a_file_that_ends_in_the_middle_replaces_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            path.write_text("as before")
            self.check(lambda flip: flip.download(path, "csv"), answer(b"person_id\n1\n", length=100))
            self.assertEqual((path.read_text(), os.listdir(folder)), ("as before", ["rows.csv"]))

    def test_facts_that_end_in_the_middle(self):
        self.check(lambda flip: flip.get_cohort(), answer(b'{"project":', length=100))


class Downloads(unittest.TestCase):
    def test_what_another_process_has_begun_at_the_same_path_is_not_written_into(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            speaking(chunked(b"person_id\n", b"1\n", ended=True)) as (flip, _),
        ):
            path, other = Path(folder) / "rows.csv", Path(folder) / "rows.csv.part"
            other.write_text("half of another's")
            flip.download(path, "csv")
            self.assertEqual((path.read_text(), other.read_text()), ("person_id\n1\n", "half of another's"))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertEqual(sorted(os.listdir(folder)), ["rows.csv", "rows.csv.part"])


class Silent(unittest.TestCase):
    def test_an_appliance_that_says_nothing_is_not_reachable(self):
        with speaking(b"") as (flip, _), self.assertRaises(flip_edge.NotReachable):
            flip.get_cohort()

    def test_one_that_goes_on_saying_nothing_is_given_up(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(folder, "api.sock"))
            listener.listen()
            with self.assertRaises(flip_edge.TimedOut) as caught:
                FLIP(os.path.join(folder, "api.sock"), "flip_token", timeout_s=0.1).get_cohort()
        self.assertEqual(caught.exception.code, "timed_out")

    def test_a_problem_that_is_no_json_is_still_a_refusal(self):
        with speaking(answer(b"<html>", status="502 Bad")) as (flip, _), self.assertRaises(flip_edge.Refused) as caught:
            flip.get_cohort()
        self.assertEqual(caught.exception.code, "http_502")


if __name__ == "__main__":
    unittest.main()
