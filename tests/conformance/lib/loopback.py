"""For Python clients: X's names lead to the emulator, in this process only.

Import it before the client. It also has what the scripts share: one line of
JSON per call, and the emulator's control endpoint.
"""

import json
import os
import socket
import sys
import traceback
import urllib.request

HOSTS = os.environ["BRAID_HOSTS"].split(",")
PORT = int(os.environ["BRAID_X_PORT"])
TOKEN = os.environ["BRAID_TOKEN"]
_getaddrinfo = socket.getaddrinfo


def _to_emulator(host, port, *arguments, **options):
    name = host.decode() if isinstance(host, bytes) else host
    if name in HOSTS:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", PORT))]
    if name in ("127.0.0.1", "localhost"):
        return _getaddrinfo(host, port, *arguments, **options)
    raise socket.gaierror(f"{name} is not X's: this process talks to the emulator only")


socket.getaddrinfo = _to_emulator


def control(target):
    port = os.environ["BRAID_CONTROL_PORT"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{target}", timeout=10) as answer:
        return json.load(answer)


def report(call, outcome, detail=""):
    print(json.dumps({"call": call, "outcome": outcome, "detail": str(detail)[:160]}), flush=True)


def check(call):
    """Runs the function as one call: what it returns is the detail."""

    def run(function):
        try:
            report(call, "passed", function() or "")
        except Exception as error:  # a client may raise anything
            place = traceback.extract_tb(sys.exc_info()[2])[-1]
            report(call, "failed", f"{type(error).__name__}: {error} ({place.name}:{place.lineno})")
        return function

    return run


def expect(condition, what):
    if not condition:
        raise AssertionError(what)
