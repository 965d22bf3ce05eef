"""Downloads into a real exFAT (exfat-fuse on a loop device): no links, no exclusive rename, no reservation of space, names
that differ by case alone are one.

Needs root, a loop device and /dev/fuse; skipped with a word where one of them is missing.
"""

import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "web"))
import harness  # noqa: E402
from unruly import Unruly, serve  # noqa: E402

DATA = harness.some_bytes(3_000_001, seed=5)


def quiet(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=harness.TIMEOUT)


class ExfatTest(harness.WebTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to mount exFAT")
        mkfs, losetup, mount = (harness.need_program(name) for name in ("mkfs.exfat", "losetup", "mount.exfat-fuse"))
        image = cls.class_folder / "exfat.img"
        with image.open("wb") as file:
            file.truncate(64 << 20)
        if quiet(mkfs, image).returncode != 0:
            raise unittest.SkipTest("mkfs.exfat makes no file system here")
        attached = quiet(losetup, "-f", "--show", image)
        if attached.returncode != 0:
            raise unittest.SkipTest(f"needs a loop device: {attached.stderr.strip()}")
        device = attached.stdout.strip()
        cls.addClassCleanup(quiet, losetup, "-d", device)
        cls.disk = cls.class_folder / "disk"
        cls.disk.mkdir()
        mounted = quiet(mount, device, cls.disk)
        if mounted.returncode != 0 or not os.path.ismount(cls.disk):
            raise unittest.SkipTest(f"needs exFAT in user space: {mounted.stderr.strip()}")
        cls.addClassCleanup(quiet, "umount", cls.disk)

    def setUp(self):
        super().setUp()
        self.out = self.disk / self.id().rsplit(".", 1)[-1]
        self.out.mkdir()

    def serve(self, data=DATA):
        server = Unruly(lambda request: serve(request, data))
        self.addCleanup(server.stop)
        return server

    def names(self):
        return sorted(path.name for path in self.out.iterdir())

    def list_of(self, server, *names):
        path = self.folder / "list"
        path.write_text("".join(f"{server.url('at/' + str(i))}\n  out={name}\n" for i, name in enumerate(names)))
        return path

    def test_a_file_arrives_whole_and_is_replaced(self):
        for _ in range(2):
            self.sjcp("cp", self.serve().url("f.bin"), self.out / "f.bin")
            self.assert_file(self.out / "f.bin", DATA)
        self.assertEqual(self.names(), ["f.bin"])

    def test_what_exists_is_left_alone_on_request(self):
        (self.out / "f.bin").write_bytes(b"old")
        self.sjcp("cp", "--no-clobber", self.serve().url("f.bin"), self.out / "f.bin")
        self.assertEqual((self.out / "f.bin").read_bytes(), b"old")

    def test_of_names_that_differ_by_case_the_first_stays_and_both_are_named(self):
        for transfers in (1, 8):
            server = self.serve()
            names = ("A.txt", "b.txt", "a.TXT", "Sub/x", "sub/X", "sub/y")
            outcome = self.run_sjcp("cp", "-j", transfers, "-i", self.list_of(server, *names), self.out)
            self.assertEqual(outcome.code, 8, outcome)
            for name in ("A.txt", "a.TXT", "at/0", "at/2", "at/3", "at/4"):
                self.assertIn(name, outcome.stderr)
            found = sorted(str(path.relative_to(self.out)).lower() for path in self.out.rglob("*") if path.is_file())
            self.assertEqual(found, ["a.txt", "b.txt", "sub/x", "sub/y"], outcome)
            self.assert_file(self.out / "a.txt", DATA)
            self.assert_file(self.out / "sub/x", DATA)

    def test_letters_with_accents_are_names_of_their_own_here(self):
        outcome = self.sjcp("cp", "-i", self.list_of(self.serve(), "\u00e9.txt", "e\u0301.txt", "\u00e8.txt"), self.out)
        self.assertEqual(len(self.names()), 3, outcome)

    def test_the_same_list_once_more_replaces_its_files(self):
        names = ("One.txt", "two.txt", "\u00e9.txt")
        for _ in range(2):
            self.sjcp("cp", "-i", self.list_of(self.serve(), *names), self.out)
        self.assertEqual(self.names(), sorted(names))

    def test_an_interrupted_download_goes_on(self):
        data = harness.some_bytes(12 << 20, seed=6)
        stalls = threading.Event()

        def stingy(request):
            reply = serve(request, data)
            if len(reply.body) > (2 << 20):
                reply.stall = 2 << 20
                stalls.set()
            return reply

        server = Unruly(stingy)
        self.addCleanup(server.stop)
        process = self.start("cp", "-p", 1, server.url("f.bin"), self.out / "f.bin")
        self.assertTrue(stalls.wait(harness.TIMEOUT))
        end = time.monotonic() + harness.TIMEOUT
        while server.bytes_sent < (2 << 20) and time.monotonic() < end:
            time.sleep(0.01)
        process.terminate()
        process.communicate(timeout=harness.TIMEOUT)
        self.sjcp("cp", self.serve(data).url("f.bin"), self.out / "f.bin")
        self.assert_file(self.out / "f.bin", data)
        self.assertEqual(self.names(), ["f.bin"])


if __name__ == "__main__":
    harness.main()
