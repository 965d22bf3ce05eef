"""S3 services that tests run side by side, and what each of them can: a new one is a class and a row in `SERVICES`.

Each has `url`, `environment()` for sjcp, `client()` for boto3 and `stop()`, as `gateway.Gateway` has them.
"""

import os
import pathlib
import subprocess

import gateway
import harness

KEY, SECRET = gateway.KEY, gateway.SECRET


class Service:
    """A process that listens on a port of its own."""

    region = "us-east-1"

    def __init__(self, folder, command, **environment):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command(self.port)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": str(self.folder), **environment}, cwd=self.folder)
        harness.wait_for_port(self.port, self.process, harness.TIMEOUT)

    def environment(self, **more):
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.url,
                "AWS_EC2_METADATA_DISABLED": "true", **more}

    def client(self, **options):
        boto3 = harness.need_module("boto3")
        return boto3.client("s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            region_name=self.region, **options)

    def stop(self):
        self.process.terminate()
        self.process.wait(harness.TIMEOUT)


class Moto(Service):
    """moto: what Python programs are tested with; objects are in its memory."""

    def __init__(self, folder):
        harness.need_module("moto")
        program = harness.need_program("moto_server")
        super().__init__(folder, lambda port: [program, "-H", "127.0.0.1", "-p", port])


class Rclone(Service):
    """`rclone serve s3` over a folder."""

    def __init__(self, folder):
        program = harness.need_program("rclone")
        self.root = pathlib.Path(folder) / "buckets"
        self.root.mkdir(parents=True)
        super().__init__(folder, lambda port: [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key",
                                               f"{KEY},{SECRET}", "--vfs-cache-mode", "full", "--cache-dir", self.root.parent / "cache",
                                               self.root])
