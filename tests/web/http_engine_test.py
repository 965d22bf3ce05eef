"""What the engine makes of several connections: division, slow and stalled ones, limits, going on after a crash."""

import dataclasses
import signal
import time

import harness
from unruly import Unruly, serve

DATA = harness.some_bytes(48_000_007, seed=5)


class EngineTest(harness.WebTest):
    def server(self, behave, **options):
        server = Unruly(behave, **options)
        self.addCleanup(server.stop)
        return server

    def timed(self, *arguments):
        begin = time.monotonic()
        self.sjcp(*arguments)
        return time.monotonic() - begin

    def test_many_connections_share_the_range_and_fetch_little_twice(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA), rate=6_000_000))
        out = self.folder / "out"
        taken = self.timed("cp", "-p", 8, server.url(), out)
        self.assert_file(out, DATA)
        # One connection alone would take 8 s.
        self.assertLess(taken, 5)
        self.assertGreaterEqual(server.connections, 8)
        self.assertLess(server.bytes_sent, 1.6 * len(DATA))

    def test_a_stalled_connection_does_not_hold_the_others_up(self):
        def behave(request):
            reply = serve(request, DATA)
            reply.rate = 8_000_000
            if request.number == 1:
                reply.stall = 1000
            return reply

        server = self.server(behave)
        out = self.folder / "out"
        taken = self.timed("cp", "-p", 4, server.url(), out)
        self.assert_file(out, DATA)
        self.assertLess(taken, 20)

    def test_a_slow_connection_loses_its_range(self):
        def behave(request):
            return dataclasses.replace(serve(request, DATA), rate=100_000 if request.number == 2 else 8_000_000)

        server = self.server(behave)
        out = self.folder / "out"
        taken = self.timed("cp", "-p", 4, server.url(), out)
        self.assert_file(out, DATA)
        # A quarter of the object at the slow one's rate would take two minutes.
        self.assertLess(taken, 15)

    def test_what_others_take_over_is_not_fetched_by_both(self):
        def behave(request):
            return dataclasses.replace(serve(request, DATA), rate=1_000_000 if request.number % 2 else 12_000_000)

        server = self.server(behave)
        taken = self.timed("cp", "-p", 4, server.url(), self.folder / "out")
        self.assert_file(self.folder / "out", DATA)
        # A quarter of the object at the slow ones' rate would take 12 s.
        self.assertLess(taken, 8)
        self.assertLess(server.bytes_sent, 1.25 * len(DATA))

    def test_the_rate_is_limited(self):
        data = DATA[:3_000_000]
        server = self.server(lambda request: serve(request, data))
        out = self.folder / "out"
        taken = self.timed("cp", "-p", 4, "--limit-rate", "1500000", server.url(), out)
        self.assert_file(out, data)
        self.assertGreater(taken, 1.6)
        self.assertLess(taken, 6)

    def test_connections_are_limited(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA), rate=20_000_000))
        out = self.folder / "out"
        self.sjcp("cp", "-p", 8, "--max-connections", 2, server.url(), out)
        self.assert_file(out, DATA)
        # A connection that has been closed counts until the server notices.
        self.assertLessEqual(server.most_at_once, 4)

    def test_a_killed_download_goes_on_where_it_was(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA), rate=8_000_000))
        out = self.folder / "out"
        process = self.start("cp", "-p", 2, server.url(), out)
        end = time.monotonic() + 20
        while server.bytes_sent < len(DATA) // 2 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.wait(harness.TIMEOUT)
        self.assertNotEqual(process.returncode, 0)
        self.assertFalse(out.exists())
        before = server.bytes_sent
        self.sjcp("cp", "-p", 2, server.url(), out)
        self.assert_file(out, DATA)
        self.assertLess(server.bytes_sent - before, 0.8 * len(DATA))

    def test_a_download_of_an_object_that_changed_meanwhile_is_not_gone_on_with(self):
        other = bytes(reversed(DATA))
        changed = []

        def behave(request):
            reply = serve(request, other, etag='"v2"') if changed else serve(request, DATA)
            return dataclasses.replace(reply, rate=0 if changed else 8_000_000)

        server = self.server(behave)
        out = self.folder / "out"
        process = self.start("cp", "-p", 2, server.url(), out)
        end = time.monotonic() + 20
        while server.bytes_sent < len(DATA) // 4 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.wait(harness.TIMEOUT)
        changed.append(True)
        self.assert_fails(self.run_sjcp("cp", "-p", 2, server.url(), out), 9, "changed")
        self.assertFalse(out.exists())
        self.sjcp("cp", "-p", 2, "--no-resume", server.url(), out)
        self.assert_file(out, other)

    def test_to_stdout_in_order(self):
        server = self.server(lambda request: serve(request, DATA))
        outcome = self.sjcp("cp", "-p", 4, server.url(), "-", binary=True)
        self.assertEqual(harness.sha256(outcome.stdout), harness.sha256(DATA))

    def test_a_digest_that_does_not_fit_is_an_error_and_one_that_does_is_not(self):
        server = self.server(lambda request: serve(request, DATA))
        out = self.folder / "out"
        right = "sha256:" + harness.sha256(DATA)
        self.sjcp("cp", "--checksum", right, server.url(), out)
        self.assert_file(out, DATA)
        out.write_bytes(b"old")
        outcome = self.run_sjcp("cp", "--checksum", "sha256:" + "0" * 64, server.url(), out)
        self.assertEqual(outcome.code, 6, outcome)
        self.assert_file(out, b"old")


if __name__ == "__main__":
    harness.main()
