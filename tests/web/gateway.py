"""versitygw, a real S3 server that checks signatures, over a folder: what is stored are files there."""

import os
import pathlib
import re
import subprocess

import harness

KEY, SECRET = "testkey", "testsecret"


def need_program():
    """Its path: beside sjcp, where scripts/test puts the version that tests/interop/versitygw pins, or in PATH."""
    beside = pathlib.Path(harness.sjcp_program()).resolve().parent / "versitygw"
    return str(beside) if beside.exists() else harness.need_program("versitygw")


class Account:
    """Of whoever knows KEY and SECRET at `url`."""

    region = "us-east-1"
    url = ""

    def environment(self, **more):
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.url,
                "AWS_EC2_METADATA_DISABLED": "true", **more}

    def client(self, **options):
        boto3 = harness.need_module("boto3")
        return boto3.client("s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            region_name=self.region, **options)


class Gateway(Account):
    def __init__(self, folder, region="us-east-1", authority=None, domain=None):
        folder = pathlib.Path(folder)
        self.root = folder / "buckets"
        self.root.mkdir(parents=True)
        self.region = region
        self.port = harness.free_port()
        self.log = folder / "log"
        self.access_log = folder / "access-log"
        virtual = ["--virtual-domain", domain] if domain else []
        tls = ["--cert", str(authority.certificate), "--key", str(authority.key)] if authority else []
        self.url = f"https://localhost:{self.port}" if authority else f"http://127.0.0.1:{self.port}"
        environment = {**os.environ, "ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [need_program(), "--port", f"127.0.0.1:{self.port}", "--region", region, "--quiet", "--access-log",
                 str(self.access_log), *tls, *virtual, "posix", str(self.root)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment)
        harness.wait_for_port(self.port, self.process)

    def requests(self):
        """Of all requests so far, in order: status, operation, escaped path."""
        if not self.access_log.exists():
            return []
        found = re.findall(r" s3_(\w+) .* (/\S*) (\d{3}) \S+ \d+ \d+ ", self.access_log.read_text())
        return [(int(status), operation, path) for operation, path, status in found]

    def stop(self):
        self.process.terminate()
        self.process.wait(harness.TIMEOUT)
