#!/usr/bin/env python3
"""Prints how a libreswan checkout's own runner reads its tests, one JSON object a test: those of TESTLIST, then every
other test directory. It imports the runner's modules; the one argument is the checkout's testing directory."""

import json
import logging
import os
import sys


class Silent:
    """Takes whatever is logged."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def as_json(test):
    return {
        "name": test.name,
        "kind": test.kind,
        "status": test.status,
        "hosts": [guest.host.name for guest in test.guests],
        "guests": [guest.name for guest in test.guests],
        "platforms": list(test.platforms),
        "commands": [{"guest": c.guest.name if c.guest else None, "line": c.line} for c in test.commands],
    }


def main():
    testing = os.path.realpath(sys.argv[1])
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.join(testing, "utils"))
    # The modules find the checkout by the program's name.
    sys.argv = [os.path.join(testing, "utils", "kvmrunner.py")]
    os.chdir(testing)
    logging.disable(logging.CRITICAL)
    from fab import testsuite

    pluto = os.path.join(testing, "pluto")
    listed = list(testsuite._load_testlist(Silent(), 0, None, pluto) or [])
    for test in listed:
        print(json.dumps(as_json(test)))
    for name in sorted(set(os.listdir(pluto)) - {test.name for test in listed}):
        directory = os.path.join(pluto, name)
        if not testsuite.is_test_directory(directory):
            continue
        try:
            print(json.dumps(as_json(testsuite.Test(test_directory=directory, logger=Silent()))))
        except TypeError:
            # It goes through the guests of a test that has none.
            print(json.dumps({"name": name, "obstacle": "no scripts"}))


main()
