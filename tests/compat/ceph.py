"""Ceph's radosgw on a cluster of its own: one monitor and one store of objects in memory, on loopback, in a folder."""

import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

import harness
from gateway import Account, KEY, SECRET

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool", "monmaptool")
FSID = "2f6f1bd5-0c1e-4b57-9a5d-6f4d9c7a3e01"


def quiet(*command, **options):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=harness.TIMEOUT, **options)


class Gateway(Account):
    def __init__(self, folder):
        for program in PROGRAMS:
            harness.need_program(program)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.processes = []
        self.monitor, self.port = harness.free_port(), harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = self.folder / "ceph.conf"
        self.keys = self.folder / "keyring"
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        self.config.write_text(f"""[global]
fsid = {FSID}
mon host = v2:127.0.0.1:{self.monitor}
public network = 127.0.0.0/8
run dir = {self.folder}
admin socket = {self.folder}/$name.asok
log file = {self.folder}/$name.log
crash dir = {self.folder}
pid file = {self.folder}/$name.pid
keyring = {self.keys}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
mon warn on pool no redundancy = false
mon allow pool size one = true
mon max pg per osd = 1000
osd crush chooseleaf type = 0
[mon]
mon data = {self.folder}/mon
[osd]
osd data = {self.folder}/osd
keyring = {self.folder}/osd/keyring
osd objectstore = memstore
memstore device bytes = 1073741824
[client]
rgw frontends = beast endpoint=127.0.0.1:{self.port}
rgw data = {self.folder}/rgw
rgw dns name = localhost
""")
        quiet("ceph-authtool", "--create-keyring", self.keys, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        quiet("ceph-authtool", self.keys, "--gen-key", "-n", "client.admin", "--cap", "mon", "allow *", "--cap", "osd",
              "allow *")
        monitors = self.folder / "monmap"
        quiet("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{self.monitor}]", "--fsid", FSID, monitors)
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        quiet("ceph-mon", "-c", self.config, "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", self.keys)
        self._run("ceph-mon", "-i", "a")
        self._ceph("osd", "new", "5f6f1bd5-0c1e-4b57-9a5d-6f4d9c7a3e02")
        self._ceph("auth", "get-or-create", "osd.0", "mon", "allow profile osd", "osd", "allow *", "-o",
                   self.folder / "osd/keyring")
        quiet("ceph-osd", "-c", self.config, "-i", "0", "--mkfs", "--osd-uuid", "5f6f1bd5-0c1e-4b57-9a5d-6f4d9c7a3e02")
        self._run("ceph-osd", "-i", "0")
        # The gateway makes its pools when it starts, and does not wait for a store.
        self._until(lambda: b"1 up" in self._ceph("osd", "stat").stdout)
        quiet("radosgw-admin", "-c", self.config, "user", "create", "--uid", "tester", "--display-name", "tester",
              "--access-key", KEY, "--secret", SECRET)
        self._run("radosgw", "-n", "client.admin", "--keyring", str(self.keys))
        self._until(self._answers)

    def _run(self, program, *arguments):
        with open(self.folder / f"{program}.out", "wb") as out:
            self.processes.append(subprocess.Popen(
                [harness.need_program(program), "-c", str(self.config), "-f", *arguments], stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, cwd=self.folder))

    def _ceph(self, *arguments):
        return quiet("ceph", "-c", self.config, "--connect-timeout", "30", *arguments,
                     env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def _answers(self):
        try:
            with urllib.request.urlopen(self.url, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def _until(self, holds):
        end = time.monotonic() + harness.TIMEOUT
        while not holds():
            for process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args[0]} has ended with {process.returncode}")
            if time.monotonic() > end:
                raise RuntimeError("Ceph does not start")
            time.sleep(0.1)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
