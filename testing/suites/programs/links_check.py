"""Whether the hosts of a group reach each other, as a file for pytest."""

import os
import subprocess

import pytest

ADDRESSES = {"east": "192.1.2.23", "west": "192.1.2.45"}


def on(host, command):
    """Runs a command on a host; its exit status and output."""
    done = subprocess.run([os.environ["KVMTEST_RUN_" + host], command], stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("host", sorted(ADDRESSES))
def test_calls_itself_by_its_name(host):
    assert on(host, "hostname") == (0, host + "\n")


@pytest.mark.parametrize("source, target", [("east", "west"), ("west", "east")])
def test_reaches_its_neighbour(source, target):
    status, output = on(source, "ping -c 1 -W 5 " + ADDRESSES[target])
    assert status == 0, output


def test_the_exit_status_comes_back():
    assert on("east", "exit 42") == (42, "")


def test_a_private_address_is_not_shared():
    on("east", "ip address add 10.77.0.1/24 dev eth1")
    status, _ = on("west", "ip address show | grep -q 10.77.0.1")
    assert status == 1
