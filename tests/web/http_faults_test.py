"""Downloads from servers that misbehave for a while: the right bytes all the same.  failures_test.py has what they do for
good."""

import dataclasses
import itertools
import re
import threading
import time

import harness
from unruly import Reply, Unruly, serve

DATA = harness.some_bytes(3_000_001, seed=2)


class FaultsTest(harness.WebTest):
    def server(self, behave, **options):
        server = Unruly(behave, **options)
        self.addCleanup(server.stop)
        return server

    def download(self, server, *options, path="file.bin"):
        return self.run_sjcp("cp", "-p", 4, *options, server.url(path), self.folder / "out")

    def assert_right(self, server, *options):
        outcome = self.download(server, *options)
        self.assertEqual(outcome.code, 0, outcome)
        self.assert_file(self.folder / "out", DATA)
        return outcome

    def test_a_wrong_range_now_and_then_is_asked_for_again(self):
        def behave(request):
            reply = serve(request, DATA)
            if request.number % 3 == 1 and reply.status == 206:
                size = len(reply.body)
                reply.headers["Content-Range"] = f"bytes 0-{size - 1}/{len(DATA)}"
                reply.body = DATA[:size]
            return reply

        self.assert_right(self.server(behave))

    def test_only_a_weak_etag_is_enough_to_go_on(self):
        def behave(request):
            reply = serve(request, DATA, etag='W/"v1"')
            if request.number == 0:
                reply.cut = 500_000
            return reply

        server = self.server(behave)
        self.assert_right(server)
        self.assertIn("if-unmodified-since", server.requests[1].headers)
        self.assertNotIn("if-match", server.requests[1].headers)

    def test_resets_at_any_byte_are_gone_on_from(self):
        def behave(request):
            reply = serve(request, DATA)
            if request.number < 8:
                reply.cut, reply.reset = 1 + 77_777 * request.number, True
            return reply

        server = self.server(behave)
        self.assert_right(server)
        self.assertLess(server.bytes_sent, 3 * len(DATA))

    def test_a_lying_content_length_is_noticed(self):
        def behave(request):
            reply = serve(request, DATA)
            if request.number == 0:
                reply.length = len(reply.body)
                reply.cut = len(reply.body) // 2
            if request.number == 1:
                reply.length = len(reply.body) + 1000
            return reply

        self.assert_right(self.server(behave))

    def test_servers_that_are_busy_for_a_while(self):
        def behave(request):
            if request.number % 2 == 0 and request.number < 6:
                return Reply(429 if request.number % 4 == 0 else 503, {"Retry-After": "0"}, b"busy")
            return serve(request, DATA)

        self.assert_right(self.server(behave))

    def test_half_as_many_requests_go_on_where_the_server_asks_for_fewer(self):
        data = harness.some_bytes(48_000_007, seed=3)
        for status in (429, 503):
            with self.subTest(status=status):
                server = self.server(lambda request: dataclasses.replace(serve(request, data), rate=2_000_000), most=6,
                                     refusal=Reply(status, {}, b"busy"))
                outcome = self.run_sjcp("cp", "-p", 64, server.url("file.bin?token=geheim"), self.folder / "out")
                self.assertEqual(outcome.code, 0, outcome)
                self.assert_file(self.folder / "out", data)
                self.assertEqual(len(outcome.stderr.splitlines()), 1, outcome)
                self.assertIn(f"{server.url('')}: asks for fewer requests; at most ", outcome.stderr)
                self.assertLess(server.refused, 120)
                self.assertLess(server.bytes_sent, 1.3 * len(data))

    def test_more_requests_go_again_as_they_succeed(self):
        def behave(request):
            if len(server.requests) - server.refused == 60:
                server.most = None
                server.most_at_once = 0
            return Reply(body=request.path.encode(), delay=0.02)

        server = self.server(behave, most=6, refusal=Reply(429, delay=0.02))
        names = [f"{number:03}" for number in range(500)]
        self.sjcp("cp", "-i", "-", "-j", "48", "down", stdin="".join(server.url(name) + "\n" for name in names).encode())
        for name in names:
            self.assert_file(self.folder / "down" / name, f"/{name}".encode())
        self.assertGreaterEqual(server.most_at_once, 12)

    def test_retry_after_is_obeyed(self):
        times = []

        def behave(request):
            times.append(time.monotonic())
            if request.number == 0:
                return Reply(429, {"Retry-After": "2"}, b"")
            return serve(request, DATA)

        self.assert_right(self.server(behave))
        self.assertGreaterEqual(times[1] - times[0], 1.9)

    def test_secrets_do_not_follow_a_redirect_to_another_host(self):
        other = self.server(lambda request: serve(request, DATA))
        server = self.server(lambda request: Reply(302, {"Location": other.url("signed?sig=1")}, b""))
        outcome = self.run_sjcp("cp", "-p", 4, "--header", "Authorization: Bearer geheim", "--header", "X-Token: geheim",
                                server.url().replace("//", "//me:geheim@"), self.folder / "out")
        self.assertEqual(outcome.code, 0, outcome)
        self.assert_file(self.folder / "out", DATA)
        self.assertTrue(other.requests)
        for request in other.requests:
            self.assertNotIn("geheim", str(request.headers))
            self.assertNotIn("authorization", request.headers)
        self.assertIn("geheim", str(server.requests[0].headers))
        # What the redirect leads to is asked directly from then on.
        self.assertEqual(len(server.requests), 1)

    def test_a_signed_link_that_expires_is_asked_for_anew(self):
        links = {"n": 0, "expired": False}

        def sign(request):
            links["n"] += 1
            return Reply(302, {"Location": cdn.url(f"file?n={links['n']}")}, b"")

        def behave(request):
            first = request.path == "/file?n=1"
            if first and links["expired"]:
                return Reply(403, {}, b"expired")
            reply = serve(request, DATA)
            if first:
                reply.cut = 700_000
                links["expired"] = True
            return reply

        cdn = self.server(behave)
        server = self.server(sign)
        self.assert_right(server)
        # Ranges that fail together may ask together, but not each time.
        self.assertGreaterEqual(len(server.requests), 2)
        self.assertLess(len(server.requests), len(cdn.requests))

    def test_links_that_serve_once(self):
        fresh = set()
        numbers = itertools.count()
        served = threading.Condition()
        state = {"served": 0, "unlucky": None}

        def sign(request):
            name = f"file?n={next(numbers)}"
            fresh.add("/" + name)
            return Reply(302, {"Location": cdn.url(name)}, b"")

        def behave(request):
            begin = int(re.match("bytes=([0-9]+)-", request.headers["range"])[1])
            with served:
                if request.path not in fresh:
                    if state["unlucky"] in (None, begin):
                        # By the time that it hears of the refusal, others have found links, and used them up.
                        state["unlucky"] = begin
                        enough = state["served"] + 6
                        served.wait_for(lambda: state["served"] >= enough, timeout=5)
                    return Reply(403, {}, b"expired")
                fresh.remove(request.path)
                state["served"] += 1
                served.notify_all()
            # Less than was asked for: each range needs many links.
            reply = serve(request, DATA)
            reply.body = reply.body[:20_000]
            reply.headers["Content-Range"] = f"bytes {begin}-{begin + len(reply.body) - 1}/{len(DATA)}"
            return reply

        cdn = self.server(behave)
        server = self.server(sign)
        self.assert_right(server, "-p", 16)

    def test_servers_without_ranges_give_one_stream(self):
        server = self.server(lambda request: serve(request, DATA, ranges=False))
        self.assert_right(server)
        self.assertEqual(len(server.requests), 1)

    def test_chunked_replies_without_length(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA, ranges=False), chunked=True))
        self.assert_right(server)

    def test_a_chunked_reply_that_breaks_is_begun_anew(self):
        def behave(request):
            reply = dataclasses.replace(serve(request, DATA, ranges=False), chunked=True)
            if request.number == 0:
                reply.cut = 1_500_000
            return reply

        self.assert_right(self.server(behave))

    def test_a_connection_that_closes_without_a_word_is_tried_again(self):
        server = self.server(lambda request: Reply(silent=True) if request.number < 2 else serve(request, DATA))
        self.assert_right(server)

    def test_what_is_no_http_is_an_error(self):
        def talk(peer):
            peer.recv(4096)
            peer.sendall(b"SSH-2.0-OpenSSH_9\r\n")

        outcome = self.run_sjcp("cp", f"http://127.0.0.1:{self.serve_each(talk)}/x", self.folder / "out")
        self.assertNotEqual(outcome.code, 0)
        self.assertFalse((self.folder / "out").exists())

    def test_ctrl_c_is_seen_at_once_while_a_server_stalls(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA), stall=1000))
        process = self.start("cp", server.url(), self.folder / "out")
        end = time.monotonic() + 20
        while not server.requests and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
        begin = time.monotonic()
        process.send_signal(2)
        process.wait(20)
        self.assertLess(time.monotonic() - begin, 3)
        self.assertNotEqual(process.returncode, 0)

    def test_kept_connections_that_died_do_no_harm(self):
        def behave(request):
            reply = serve(request, DATA)
            reply.headers["Connection"] = "close" if request.number % 2 else "keep-alive"
            return reply

        self.assert_right(self.server(behave))

    def test_tls_with_resets(self):
        def behave(request):
            reply = serve(request, DATA)
            if request.number < 3:
                reply.cut, reply.reset = 300_000, True
            return reply

        server = self.server(behave, authority=self.authority)
        self.assert_right(server, "--cacert", self.authority.ca)


if __name__ == "__main__":
    harness.main()
