"""A Storj network of a test's own."""

import json
import pathlib
import subprocess

import harness


def start_network(test):
    """Its grant.  The network ends with the test."""
    program = pathlib.Path(harness.sjcp_program()).parent / "sjnet"
    if not program.exists():
        test.skipTest("needs sjnet")
    process = subprocess.Popen([program, "--nodes", "6", "--rs", "2/3/4/6", "--dir", str(test.folder / "network")],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    test.addCleanup(process.wait, harness.TIMEOUT)
    test.addCleanup(process.terminate)
    test.addCleanup(process.stdout.close)
    return json.loads(process.stdout.readline())["access"]
