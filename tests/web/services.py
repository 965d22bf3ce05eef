"""S3 services that tests run side by side, and what each of them can: another one is a row in `SERVICES`.

Each has `url`, `environment()` for sjcp, `client()` for boto3 and `stop()`, as `gateway.Gateway` has them.
"""

import dataclasses
import os
import pathlib
import subprocess

import gateway
import harness

KEY, SECRET = gateway.KEY, gateway.SECRET


class Process(gateway.Account):
    """A program that listens on a port of its own; command(port) starts it."""

    def __init__(self, folder, command):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        port = harness.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command(port)], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env={**os.environ, "HOME": str(folder)}, cwd=folder)
        harness.wait_for_port(port, self.process, harness.TIMEOUT)

    def stop(self):
        self.process.terminate()
        self.process.wait(harness.TIMEOUT)


def moto(folder):
    """What Python programs are tested with; objects are in its memory."""
    harness.need_module("moto")
    program = harness.need_program("moto_server")
    return Process(folder, lambda port: [program, "-H", "127.0.0.1", "-p", port])


def rclone(folder):
    """`rclone serve s3` over a folder.

    Objects that arrive at once in a folder that is new are on the disk, but some are not listed until rclone reads the
    folder again, which it does every 5 minutes unless told otherwise.
    """
    program = harness.need_program("rclone")
    folder = pathlib.Path(folder)
    (folder / "buckets").mkdir(parents=True)
    return Process(folder, lambda port: [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key",
                                         f"{KEY},{SECRET}", "--vfs-cache-mode", "full", "--cache-dir", folder / "cache",
                                         "--dir-cache-time", "1s", "--vfs-write-back", "1s", folder / "buckets"])


@dataclasses.dataclass
class Service:
    start: object  # (folder): what runs
    signatures: bool = True  # are checked
    metadata: bool = True  # is kept
    control_keys: bool = True  # tells names with control characters as they are
    settles: bool = False  # what was stored shows in listings only after a while


SERVICES = {
    "versitygw": Service(gateway.Gateway, control_keys=False),
    "moto": Service(moto, signatures=False),
    "rclone": Service(rclone, metadata=False, settles=True),
}
