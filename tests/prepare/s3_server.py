"""A store that speaks S3, on loopback for the scenarios: moto, with one bucket. What it holds ends with it."""

import argparse
import http.client
import signal

from moto.server import ThreadedMotoServer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bucket", required=True)
    wanted = parser.parse_args()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=wanted.port, verbose=False)
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", wanted.port)
    connection.request("PUT", f"/{wanted.bucket}")
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"no bucket: {answer.status} {answer.read()}")
    print("the store is ready", flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


main()
