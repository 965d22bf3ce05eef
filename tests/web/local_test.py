"""What a person's own machine does to a copy: names that meet, links and pipes in trees, descriptors that are closed or
few, memory that is not there."""

import os
import re
import subprocess
import threading

import harness
from unruly import Unruly, serve

DATA = harness.some_bytes(300_001, seed=3)


def of_path(request):
    """Every path has bytes of its own."""
    return serve(request, request.path.encode() * 1000)


class LocalTest(harness.WebTest):
    def server(self, behave=of_path):
        server = Unruly(behave)
        self.addCleanup(server.stop)
        return server

    def shell(self, words, *arguments, **options):
        """sjcp in a shell, which closes descriptors or lowers limits before."""
        command = ["bash", "-c", words, "bash", harness.sjcp_program(), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, timeout=harness.TIMEOUT, env=self.environment(),
                              cwd=self.folder, stdin=subprocess.DEVNULL, **options)
        return harness.Outcome(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def test_two_urls_with_one_name(self):
        server = self.server()
        for transfers in (1, 8):
            out = self.folder / f"o{transfers}"
            out.mkdir()
            outcome = self.run_sjcp("cp", "-j", transfers, server.url("a/m.bin"), server.url("b/m.bin"),
                                    server.url("c/n.bin"), str(out) + "/")
            self.assertEqual(outcome.code, 8, outcome)
            self.assertIn("/a/m.bin", outcome.stderr)
            self.assertIn("/b/m.bin", outcome.stderr)
            self.assertEqual(sorted(path.name for path in out.iterdir()), ["m.bin", "n.bin"])
            self.assertIn((out / "m.bin").read_bytes(), (b"/a/m.bin" * 1000, b"/b/m.bin" * 1000))

    def test_a_list_with_one_name_far_apart(self):
        server = self.server()
        names = ["a/m.bin", *(f"x/{i}" for i in range(60)), "b/m.bin"]
        (self.folder / "list").write_text("".join(server.url(name) + "\n" for name in names))
        outcome = self.run_sjcp("cp", "-i", "list", "o/")
        self.assertEqual(outcome.code, 8, outcome)
        self.assertEqual(len(list((self.folder / "o").iterdir())), 61)
        self.assert_file(self.folder / "o/m.bin", b"/a/m.bin" * 1000)

    def test_one_folder_under_two_names(self):
        server = self.server()
        (self.folder / "o").mkdir()
        (self.folder / "link").symlink_to("o")
        lines = [f"{server.url(at)}\n  dir={folder}\n  out=m.bin\n"
                 for at, folder in (("a", "o"), ("b", "./o/"), ("c", "link"), ("d", "o/../o"))]
        (self.folder / "list").write_text("".join(lines))
        outcome = self.run_sjcp("cp", "-i", "list")
        self.assertEqual(outcome.code, 8, outcome)
        self.assert_file(self.folder / "o/m.bin", b"/a" * 1000)

    def test_one_name_from_two_servers_replies(self):
        def behave(request):
            reply = of_path(request)
            reply.headers["Content-Disposition"] = 'attachment; filename="same.bin"'
            return reply

        server = self.server(behave)
        (self.folder / "o").mkdir()
        outcome = self.run_sjcp("cp", "-j", 1, server.url("first"), server.url("second"), "o/")
        self.assertEqual(outcome.code, 8, outcome)
        self.assertIn("/first", outcome.stderr)
        self.assertIn("/second", outcome.stderr)
        self.assert_file(self.folder / "o/same.bin", b"/first" * 1000)

    def test_the_same_url_twice_is_fetched_once(self):
        server = self.server()
        (self.folder / "o").mkdir()
        outcome = self.sjcp("cp", server.url("m.bin"), server.url("m.bin"), "o/")
        self.assertEqual(len([line for line in outcome.stderr.splitlines() if "named more than once" in line]), 1)
        self.assert_file(self.folder / "o/m.bin", b"/m.bin" * 1000)

    def test_a_part_file_that_somebody_truncates(self):
        data = harness.some_bytes(20 << 20, seed=4)
        meddled = threading.Event()

        def behave(request):
            reply = serve(request, data)
            if request.range and request.range[0] and request.range[0] > (8 << 20):
                meddled.wait(harness.TIMEOUT)
            return reply

        server = self.server(behave)
        process = self.start("cp", "-p", 4, server.url("f.bin"), "out")
        part = self.folder / ".out.sjcp-part"
        while process.poll() is None and not (part.exists() and server.bytes_sent > (4 << 20)):
            threading.Event().wait(0.01)
        os.truncate(part, 1000)
        meddled.set()
        _, stderr = process.communicate(timeout=harness.TIMEOUT)
        self.assertEqual(process.returncode, 9, stderr)
        self.assertNotIn("are kept", stderr)
        self.assertEqual(sorted(path.name for path in self.folder.glob("*out*")), [])

    def test_output_that_is_closed_is_an_error_where_it_is_needed(self):
        url = self.server(lambda request: serve(request, b"12345678")).url("f")
        for words, arguments, code in (
                ('"$@" >&-', ("cp", url, "-"), 7),
                ('"$@" >&-', ("version",), 7),
                ('"$@" <&-', ("cp", "-", url), 7),
                ('"$@" >&- <&- 2>&-', ("cp", url, "-"), 7),
                ('"$@" 2>&-', ("version",), 0),
                ('"$@" <&-', ("version",), 0),
                ('"$@" >&- <&- 2>&-', ("cp", url, "whole"), 0)):
            outcome = self.shell(words, *arguments)
            self.assertEqual(outcome.code, code, (words, arguments, outcome))
        self.assert_file(self.folder / "whole", b"12345678")

    def test_few_descriptors_mean_fewer_files_at_a_time(self):
        server = self.server()
        names = [f"n{i}" for i in range(40)]
        (self.folder / "list").write_text("".join(server.url(name) + "\n" for name in names))
        for limit in (20, 24, 32, 64):
            outcome = self.shell(f'ulimit -n {limit}; "$@"', "cp", "-t", 16, "-i", "list", f"o{limit}/")
            self.assertEqual(outcome.code, 0, (limit, outcome))
            self.assertEqual(len(list((self.folder / f"o{limit}").iterdir())), 40)

    def test_without_memory_or_threads_it_ends_with_a_line_and_no_core(self):
        server = self.server(lambda request: serve(request, DATA))
        for megabytes in (40, 80, 120, 200, 400):
            outcome = self.shell(f'ulimit -v {megabytes * 1024}; "$@"', "cp", "-p", 16, server.url("f"), "out")
            if outcome.code == 127:  # not even loaded
                continue
            self.assertIn(outcome.code, (0, 1, 7), outcome)
            if outcome.code:
                self.assertEqual(len(outcome.stderr.splitlines()), 1, outcome)
                self.assertRegex(outcome.stderr, re.compile("memory|thread", re.IGNORECASE))


if __name__ == "__main__":
    harness.main()
