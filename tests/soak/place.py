"""Where the transfers of one worker take place: services of its own, and a home folder for each draw.

What a draw sees depends on its seed alone: services stay between draws, but names, homes and faults do not.
"""

import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "web"))

import gateway  # noqa: E402
import harness  # noqa: E402
import hub  # noqa: E402
import proxy  # noqa: E402
import unruly  # noqa: E402

# How long a service that is away is waited for in these runs.
RETRY_TIME = "12s"
NODES, REQUIRED, OPTIMAL = 12, 4, 8
BUCKET = "soak"
MODEL = "owner/model"


@dataclasses.dataclass
class Outcome:
    code: int  # negative: ended by that signal
    stdout: bytes
    stderr: str
    seconds: float
    hung: bool

    def __repr__(self):
        return f"exit code {self.code} after {self.seconds:.1f} s, stderr: {self.stderr[-1500:]!r}"


class Network:
    """sjnet, and what it is told."""

    def __init__(self, folder):
        program = pathlib.Path(harness.sjcp_program()).parent / "sjnet"
        self.socket_path = str(folder / "control")
        self.process = subprocess.Popen(
            [program, "--nodes", str(NODES), "--rs", f"{REQUIRED}/5/{OPTIMAL}/10", "--control", self.socket_path, "--dir",
             str(folder / "pieces"), "--threads", "2"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.grant = json.loads(self.process.stdout.readline())["access"]
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(self.socket_path)
        self._lines = self._socket.makefile("r")

    def control(self, **command):
        self._socket.sendall(json.dumps(command).encode() + b"\n")
        reply = json.loads(self._lines.readline())
        if not reply["ok"]:
            raise RuntimeError(f"sjnet refuses {command}: {reply['error']}")
        return reply

    def stop(self):
        self._lines.close()
        self._socket.close()
        self.process.terminate()
        self.process.wait(harness.TIMEOUT)
        self.process.stdout.close()


class Place:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.network = Network(self.folder)
        self.gateway = gateway.Gateway(self.folder / "s3")
        self.s3 = proxy.Proxy(self.gateway.port)
        self.web = unruly.Unruly(lambda request: unruly.Reply(404))
        self.hub = None
        self.home = self.folder / "nobody"
        self.home.mkdir()
        for bucket in ("sj", "s3"):
            self.must("mb", f"{bucket}://{BUCKET}")

    def stop(self):
        self.network.stop()
        self.s3.stop()
        self.gateway.stop()
        self.web.stop()
        if self.hub:
            self.hub.stop()

    def begin(self, seed):
        """A new home, and services without faults."""
        self.home = self.folder / f"draw{seed}"
        self.home.mkdir()
        self.well()

    def well(self):
        """No more faults."""
        self.network.control(op="clear")
        self.s3.well()

    def new_hub(self, files, **options):
        if self.hub:
            self.hub.stop()
        self.hub = hub.Hub(**options)
        self.hub.repo(MODEL).commit(files)
        return self.hub

    def environment(self):
        kept = {name: value for name, value in os.environ.items()
                if not name.lower().endswith("_proxy") and not name.startswith(("AWS_", "HF_", "SJCP_", "UPLINK_", "XDG_"))}
        kept.update(HOME=str(self.home), LC_ALL="C.UTF-8", SJCP_ACCESS=self.network.grant, SJCP_RETRY_TIME=RETRY_TIME,
                    HF_ENDPOINT=self.hub.endpoint if self.hub else "http://127.0.0.1:9", HF_TOKEN="geheim")
        kept.update(self.gateway.environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{self.s3.port}"))
        return kept

    def start(self, *arguments, **options):
        return subprocess.Popen([harness.sjcp_program(), *map(str, arguments)], env=self.environment(), cwd=self.home,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def run(self, *arguments, stdin=None, bound=harness.TIMEOUT):
        begin = time.monotonic()
        process = self.start(*arguments, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        hung = False
        try:
            stdout, stderr = process.communicate(stdin, timeout=bound)
        except subprocess.TimeoutExpired:
            hung = True
            process.send_signal(signal.SIGABRT)
            stdout, stderr = process.communicate()
        return Outcome(process.returncode, stdout, stderr.decode(errors="replace"), time.monotonic() - begin, hung)

    def must(self, *arguments, **options):
        outcome = self.run(*arguments, **options)
        if outcome.code != 0:
            raise RuntimeError(f"{arguments} failed without a fault: {outcome}")
        return outcome

    def secrets(self):
        return [self.network.grant, gateway.SECRET]
