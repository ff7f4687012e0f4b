"""A run for the screen: its records, and what its attempts left behind."""

import json
import subprocess

START = "2026-08-01T12:00:"

DIFF = """--- a/netlab/gre.test
+++ b/netlab/gre.test
@@ -3,4 +3,4 @@
 west# ping -c 1 10.9.9.1
-1 received
+0 received\x1b[2J
 west# date
"""
CONSOLE = "west# ping -c 1 10.9.9.1\n\x1b[31m0 received\x1b[2J\r\n\nwest# date\n\u6771\u4eac \xff 12:00\n"


def at(seconds):
    return f"{START}{seconds:09.6f}Z"


def domain(prefix, host):
    return {"prefix": prefix, "host": host}


def reset(seconds, prefix, host, attempt, method, took):
    """Queued, started, finished; of each what matters here."""
    ticket = {"domain": domain(prefix, host), "ticket": 10 * attempt + len(host), "method": method}
    return [
        (at(seconds), "reset-queued", ticket | {"pending": 1, "submitted": 1, "workers": 1, "test": RESET_FOR[attempt]}),
        (at(seconds), "reset-started", ticket | {"attempt": attempt}),
        (at(seconds + took), "reset-finished", ticket | {"attempt": attempt, "total": took}),
    ]


def started(seconds, prefix, attempt, test, number=1):
    return (at(seconds), "test-started", {"prefix": prefix, "attempt": attempt, "test": test, "number": number, "ready_after": 1.5})


def judged(seconds, prefix, attempt, test, verdict, took, **more):
    split = {"waiting": 0.25, "reset": 1.25, "test": took, "judging": 0.01}
    output = f"out/{test}/{attempt}"
    return (at(seconds), "attempt-judged",
            {"prefix": prefix, "attempt": attempt, "test": test, "verdict": verdict, "split": split, "output": output,
             "final": True, "issues": []} | more)


def run_started(seconds, tests):
    return (at(seconds), "run-started",
            {"prefixes": ["a.", "b."], "workers": 1, "tests": tests, "uri": "qemu:///embed", "accelerator": "emulated",
             "settings": json.dumps({"selection": {"repeat": 1}})})


def finished(seconds, status, **counts):
    return (at(seconds), "run-finished",
            {"outcome": "completed", "makespan": seconds, "exit_status": status} | counts)


TESTS = ["netlab/wireguard", "netlab/gre", "netlab/ping-east", "net\x1b[2Jlab/\u6771\u4eac", "netlab/new"]
RESET_FOR = {5: TESTS[0], 6: TESTS[1], 7: TESTS[3]}  # by attempt
DIFFERENT = {"host": "west", "name": "output-different", "detail": "line 4: expected '1 received', got '0 received\x1b[2J'"}


def past():
    """An earlier run: from it the usual times."""
    return [run_started(0, TESTS[:4])] + [
        judged(1 + i, "a.", 1 + i, test, "passed", took)
        for i, (test, took) in enumerate(zip(TESTS, (12.0, 4.0, 2.0, 3.0)))
    ] + [finished(30, 0, passed=4)]


def present():
    """The run that is followed, and how many of its records are known at each moment."""
    moments = {}
    records = [run_started(0, TESTS),
               (at(0), "sample", {"load": 1.94, "cpu": 0.87}),
               *reset(0, "a.", "east", 5, "boot", 2.5)[:2],
               (at(0), "reset-queued", {"domain": domain("b.", "west"), "ticket": 99, "method": "boot", "test": TESTS[1]})]
    moments["booting"] = len(records)
    records += [reset(0, "a.", "east", 5, "boot", 2.5)[2],
                started(3, "a.", 5, TESTS[0]),
                *reset(3, "b.", "west", 6, "restore", 1)]
    moments["running"] = len(records)
    records += [started(4, "b.", 6, TESTS[1]),
                (at(5), "command-finished", {"attempt": 6, "host": "west", "command": "ping -c 1 10.9.9.1", "at": 0.5, "took": 1.25}),
                (at(6), "command-finished", {"attempt": 6, "host": "west", "command": "date", "index": 1, "at": 1.75, "took": 0.25, "status": -1}),
                *reset(8, "b.", "west", 7, "load", 1)[:2],
                judged(8, "b.", 6, TESTS[1], "failed", 4.0, issues=[DIFFERENT])]
    moments["failed"] = len(records)
    records += [reset(8, "b.", "west", 7, "load", 1)[2],
                started(9, "b.", 7, TESTS[3]),
                judged(12, "b.", 7, TESTS[3], "passed", 3.0),
                started(13, "b.", 8, TESTS[2]),
                judged(15, "b.", 8, TESTS[2], "passed", 2.0),
                started(16, "b.", 9, TESTS[4])]
    moments["late"] = len(records)
    records += [(at(17), "stop-requested", {"by": "control-C"})]
    moments["stopping"] = len(records)
    records += [judged(50, "b.", 9, TESTS[4], "passed", 34.0),
                judged(51, "a.", 5, TESTS[0], "passed", 48.0),
                finished(52, 1, passed=4, failed=1)]
    moments["end"] = len(records)
    return records, moments


def to_json(records):
    return "".join(json.dumps({"time": time, "kind": kind, "sequence": 0, "run": 0} | body) + "\n"
                   for time, kind, body in records)


def make(directory, write_records):
    """Puts both runs into directory/.kvmtest. Returns the second one's records as the daemon sends them, and moments."""
    state = directory / ".kvmtest"
    records, moments = present()
    for run in (past(), records):
        lines = subprocess.run([write_records, state], input=to_json(run), text=True, check=True, stdout=subprocess.PIPE).stdout
    output = directory / f"out/{TESTS[1]}/6"
    output.mkdir(parents=True)
    (output / "transcript.diff").write_bytes(DIFF.encode("latin-1"))
    (output / "west.console.txt").write_bytes(CONSOLE.encode("utf-8", "surrogateescape").replace("\xff".encode(), b"\xff"))
    (output / "west.console.raw").write_bytes(b"login: root\r\n\x1b[6nwest# ping\r\n")
    return lines.splitlines(), moments
