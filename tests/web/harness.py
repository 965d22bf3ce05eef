"""What the tests against HTTP(S) servers share: folders, certificates, nginx, and sjcp itself.

A test file is a unittest program named *_test.py that ends with `harness.main()`.  Its exit code is 77 when nothing in
it could run here, for want of a program or a Python package; with CI set, that is a failure.
"""

import functools
import hashlib
import importlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SKIPPED = 77
# Stands for every password, token and signature.
SECRET = "geheim"
# Nothing that works takes longer; whatever hangs ends here.
TIMEOUT = 60


def must_run():
    return bool(os.environ.get("CI"))


def _need(there, what):
    if there:
        return
    if must_run():
        raise RuntimeError(f"{what} is missing: scripts/setup --web or scripts/test brings it")
    raise unittest.SkipTest(f"needs {what}")


def find_program(name):
    """Its path, also of those that users' PATH leaves out; None where it is not installed."""
    here = pathlib.Path(sys.executable).parent
    return shutil.which(name, path=f"{here}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def need_program(name):
    """Its path.  Skips the test where it is not installed."""
    path = find_program(name)
    _need(path, name)
    return path


def need_module(name):
    """The module.  Skips the test where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return _need(False, f"the Python package {name}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process=None, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} has ended with {process.returncode}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listens on port {port}")


def some_bytes(count, seed=1):
    """The same for the same seed; no two blocks alike."""
    out = bytearray()
    block = hashlib.sha512(str(seed).encode()).digest()
    # A long period of hashes is enough to tell every offset from every other.
    while len(out) < min(count, 1 << 20):
        block = hashlib.sha512(block).digest()
        out += block
    while len(out) < count:
        part = bytearray(out[: 1 << 20])
        part[:8] = len(out).to_bytes(8, "big")
        out += part
    return bytes(out[:count])


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Authority:
    """A certificate authority of our own and one certificate, by default for localhost, 127.0.0.1 and ::1."""

    def __init__(self, folder, subjects="DNS:localhost,IP:127.0.0.1,IP:::1"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        self.certificate = self.folder / "server.pem"
        self.key = self.folder / "server.key"
        openssl = need_program("openssl")

        def run(*arguments):
            subprocess.run([openssl, *map(str, arguments)], check=True, capture_output=True, timeout=TIMEOUT)

        ca_key, request, names = (self.folder / name for name in ("ca.key", "server.csr", "names"))
        names.write_text(f"subjectAltName={subjects}\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        run("req", "-x509", *curve, "-keyout", ca_key, "-out", self.ca, "-days", "2", "-subj", "/CN=test authority")
        run("req", *curve, "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        run("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-out",
            self.certificate, "-days", "2", "-extfile", names)


class Nginx:
    """Serves a folder over http and https."""

    def __init__(self, folder, root, authority, settings="", main_settings=""):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.http_port, self.https_port = free_port(), free_port()
        self.log = self.folder / "access.log"
        config = self.folder / "nginx.conf"
        temporary = "\n".join(
            f"  {kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f"""
daemon off;
pid {self.folder}/pid;
error_log {self.folder}/error.log;
worker_processes 1;
{"user root;" if os.geteuid() == 0 else ""}
{main_settings}
events {{ worker_connections 1024; }}
http {{
  access_log {self.log};
{temporary}
  client_max_body_size 0;
  sendfile on;
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{self.http_port};
    listen 127.0.0.1:{self.https_port} ssl;
    ssl_certificate {authority.certificate};
    ssl_certificate_key {authority.key};
    root {root};
    default_type application/octet-stream;
    {settings}
  }}
}}
""")
        self.process = subprocess.Popen([need_program("nginx"), "-p", str(self.folder), "-c", str(config), "-e",
                                         str(self.folder / "error.log")], stdin=subprocess.DEVNULL)
        wait_for_port(self.http_port, self.process)

    def url(self, path, tls=False):
        if tls:
            return f"https://localhost:{self.https_port}/{path}"
        return f"http://127.0.0.1:{self.http_port}/{path}"

    def stop(self):
        self.process.terminate()
        self.process.wait(TIMEOUT)


class Outcome:
    """How a run of sjcp ended."""

    def __init__(self, code, stdout, stderr):
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @functools.cached_property
    def events(self):
        """Of a run with --json."""
        return [json.loads(line) for line in self.stdout.splitlines() if line.strip()]

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.stdout[-2000:]!r}\nstderr: {self.stderr[-4000:]!r}"


def sjcp_program():
    program = os.environ.get("SJCP")
    if not program:
        program = pathlib.Path(__file__).resolve().parents[2] / "build" / "sjcp"
    return str(program)


def preloaded(name):
    """The library that NAME.cc is built into, for LD_PRELOAD."""
    return next(pathlib.Path(sjcp_program()).resolve().parent.rglob(f"libweb_{name}.so"))


class WebTest(unittest.TestCase):
    """A folder of its own per test, an authority per class, and a home where sjcp finds nothing of the user's."""

    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls._class_folder = tempfile.TemporaryDirectory(prefix="sjcp-web-")
        cls.class_folder = pathlib.Path(cls._class_folder.name)
        cls.addClassCleanup(cls._class_folder.cleanup)
        cls.authority = Authority(cls.class_folder / "authority")

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sjcp-web-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.home = self.folder / "home"
        self.home.mkdir()

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items()
                if not name.lower().endswith(("_proxy", "_ca_bundle")) and name != "SSL_CERT_FILE"
                and not name.startswith(("AWS_", "HF_", "SJCP_", "UPLINK_"))}
        kept.update({"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config"),
                     "XDG_CACHE_HOME": str(self.home / ".cache"), "XDG_STATE_HOME": str(self.home / ".state"),
                     "XDG_DATA_HOME": str(self.home / ".data"), "LC_ALL": "C.UTF-8",
                     # What is away in these tests mostly stays away, and TIMEOUT is as long as the usual patience.
                     "SJCP_RETRY_TIME": "20s"})
        kept.update({name: str(value) for name, value in more.items()})
        return kept

    def start(self, *arguments, environment=None, **options):
        """sjcp as a process that the test ends."""
        process = subprocess.Popen([sjcp_program(), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment(**(environment or {})), cwd=self.folder, **options)
        self.addCleanup(process.communicate, timeout=TIMEOUT)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def run_sjcp(self, *arguments, environment=None, stdin=None, binary=False, clock=()):
        """binary: what it writes to stdout comes as bytes.  clock: what faketime is told, e.g. ("-f", "+2h")."""
        command = [sjcp_program(), *map(str, arguments)]
        if clock:
            command = [need_program("faketime"), *clock, *command]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT,
                              env=self.environment(**(environment or {})), cwd=self.folder, input=stdin,
                              **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        stdout = done.stdout if binary else done.stdout.decode(errors="replace")
        return Outcome(done.returncode, stdout, done.stderr.decode(errors="replace"))

    def sjcp(self, *arguments, **options):
        """A run that has to succeed."""
        outcome = self.run_sjcp(*arguments, **options)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome

    def serve_each(self, talk):
        """Has talk(peer) serve one connection after the other until the test ends.  Returns the port."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    talk(peer)

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    def file(self, name, data):
        """Made below the test's folder; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def assert_file(self, path, data):
        found = pathlib.Path(path).read_bytes()
        self.assertEqual(len(found), len(data))
        self.assertEqual(sha256(found), sha256(data), "the file holds other bytes")

    def refuse(self, code, source, *words, options=(), environment=None, into="out"):
        """A copy of this source fails with this code, in one line that holds these words and never SECRET; the file that
        was there stays as it was, with nothing beside it.  Warnings may come before.
        into: how the command names its target."""
        target = self.folder / "out"
        target.write_bytes(b"old")
        os.utime(target, ns=(1_000_000_000_000_000_000,) * 2)
        before = self._state_of(target)
        outcome = self.run_sjcp("cp", *options, source, into, environment=environment)
        lines = outcome.stderr.splitlines()
        errors = [line for line in lines if not line.startswith("sjcp: warning: ")]
        self.assertEqual(errors, lines[-1:], outcome)
        self.assert_fails(Outcome(outcome.code, outcome.stdout, "".join(errors)), code, *words)
        self.assertNotIn(SECRET, outcome.stdout + outcome.stderr)
        self.assertEqual(self._state_of(target), before)
        return outcome

    def _state_of(self, target):
        stat = target.stat()
        return (target.read_bytes(), stat.st_ino, stat.st_mtime_ns, sorted(path.name for path in self.folder.iterdir()),
                sorted(self.folder.rglob("*sjcp-*")))

    def assert_fails(self, outcome, code, *words):
        """With this exit code, in one line on stderr that holds these words; warnings may come before."""
        self.assertEqual(outcome.code, code, outcome)
        for word in words:
            self.assertIn(word, outcome.stderr)
        lines = [line for line in outcome.stderr.splitlines() if line.strip() and not line.startswith("sjcp: warning: ")]
        self.assertEqual(len(lines), 1, outcome)


def main():
    program = unittest.main(exit=False, verbosity=2, warnings="ignore")
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == len(result.skipped):
        sys.exit(SKIPPED)
    sys.exit(0)
