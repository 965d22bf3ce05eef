"""Hosts with habits of their own: the right bytes all the same, or a clear error in bounded time."""

import dataclasses
import itertools
import socket
import threading

import harness
from harness import SECRET
from unruly import Reply, Unruly, serve

DATA = harness.some_bytes(6_000_001, seed=5)
DENIED, NETWORK, LOCAL, CONFLICT, LIMITED = 4, 5, 7, 9, 10


def hasty(factor=20):
    """An environment in which pauses and time-outs are short."""
    return {"LD_PRELOAD": harness.preloaded("haste"), "SJCP_TEST_HASTE": str(factor)}


class HostsTest(harness.WebTest):
    def server(self, behave, **options):
        server = Unruly(behave, **options)
        self.addCleanup(server.stop)
        return server

    def assert_right(self, server, *options, path="file.bin", environment=None):
        outcome = self.run_sjcp("cp", "-p", 8, *options, server.url(path), self.folder / "out", environment=environment)
        self.assertEqual(outcome.code, 0, outcome)
        self.assert_file(self.folder / "out", DATA)
        return outcome


class VersionsTest(HostsTest):
    def test_tags_that_change_from_server_to_server(self):
        def behave(request):
            reply = serve(request, DATA, etag=f'"{request.number % 2}"')
            reply.rate = 20_000_000
            return reply

        server = self.server(behave)
        self.assert_right(server)
        # All came from one reply, beside what others with its tag had brought before.
        self.assertLess(server.bytes_sent, 2.2 * len(DATA))

    def test_times_that_change_from_server_to_server(self):
        def behave(request):
            reply = serve(request, DATA, etag="", modified=784111777 + request.number)
            reply.rate = 20_000_000
            return reply

        self.assert_right(self.server(behave))

    def test_tags_that_change_while_connections_break(self):
        def behave(request):
            reply = serve(request, DATA, etag=f'"{request.number % 2}"')
            if request.number < 4:
                reply.cut = 1_000_000
            return reply

        self.assert_right(self.server(behave), environment=hasty())

    def test_a_known_digest_decides(self):
        server = self.server(lambda request: serve(request, DATA, etag=f'"{request.number % 2}"'))
        outcome = self.run_sjcp("cp", "-p", 8, "--checksum", "sha256:" + harness.sha256(DATA), server.url(),
                                self.folder / "out")
        self.assertEqual(outcome.code, 0, outcome)
        self.assert_file(self.folder / "out", DATA)

    def test_servers_that_stop_serving_ranges(self):
        def behave(request):
            if request.number > 1:
                request.headers.pop("range", None)
            reply = serve(request, DATA)
            if request.number < 2:
                reply.cut = 700_000
            return reply

        self.assert_right(self.server(behave), environment=hasty())


class ConnectionsTest(HostsTest):
    def test_further_connections_are_refused(self):
        for status in (403, 404, 500):
            with self.subTest(status=status):
                server = self.server(lambda request: dataclasses.replace(serve(request, DATA), rate=6_000_000), most=1,
                                     refusal=Reply(status, {}, b"one is enough"))
                self.assert_right(server)
                self.assertLess(server.bytes_sent, 1.2 * len(DATA))

    def test_a_range_that_is_refused_is_left_out(self):
        for status in (400, 403):
            with self.subTest(status=status):
                server = self.server(lambda request: Reply(status, {}, b"no ranges") if request.range
                                     else serve(request, DATA))
                self.assert_right(server)
                self.assertEqual(len(server.requests), 2)

    def test_a_login_on_the_way_is_kept_by_its_cookie(self):
        def log_in(request):
            if request.headers.get("authorization", "").startswith("Basic "):
                return Reply(302, {"Set-Cookie": "login=1; Path=/", "Location": server.url("back")}, b"")
            return Reply(401, {"WWW-Authenticate": "Basic"}, b"")

        def behave(request):
            if request.path == "/back":
                return Reply(302, {"Set-Cookie": "sess=1; Path=/; HttpOnly", "Location": server.url()}, b"")
            if "sess=1" not in request.headers.get("cookie", ""):
                return Reply(302, {"Location": login.url("auth", host="localhost")}, b"")
            self.assertNotIn("login=1", request.headers["cookie"])
            return serve(request, DATA)

        server, login = self.server(behave), self.server(log_in)
        (self.home / ".netrc").write_text(f"machine localhost login me password {SECRET}\n")
        self.assert_right(server, "--netrc", "--header", "Cookie: mine=2")
        self.assertIn("mine=2", server.requests[-1].headers["cookie"])

    def test_cookies_keep_to_their_path(self):
        def behave(request):
            if request.path == "/first":
                return Reply(302, {"Set-Cookie": "a=1; Path=/other", "Location": "/file.bin"}, b"")
            return serve(request, DATA)

        server = self.server(behave)
        self.assert_right(server, path="first")
        self.assertTrue(all("cookie" not in request.headers for request in server.requests))


class WaitsTest(HostsTest):
    def test_the_first_byte_may_take_minutes(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA), delay=2 if request.number == 0 else 0))
        outcome = self.assert_right(server, environment=hasty(40))
        self.assertRegex(outcome.stderr, r"no answer yet; waiting until [0-9:]{8}")
        self.assertEqual(sum(request.range == (0, None) for request in server.requests), 1)

    def test_a_wait_beyond_what_anybody_waits_is_told_at_once(self):
        server = self.server(lambda request: Reply(429, {"Retry-After": "3600"}, b""))
        self.refuse(LIMITED, server.url(), server.url(), "1 h")
        self.assertEqual(len(server.requests), 1)

    def test_a_server_that_is_away_at_first(self):
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("127.0.0.1", 0))  # refuses, and nobody else gets the port
            port = held.getsockname()[1]
            process = self.start("cp", f"http://127.0.0.1:{port}/file.bin", self.folder / "out", environment=hasty())
            self.assertRegex(process.stderr.readline(), r"trying again until [0-9:]{8}$")
        self.server(lambda request: serve(request, DATA), port=port)
        self.assertEqual(process.wait(60), 0)
        self.assert_file(self.folder / "out", DATA)

    def test_a_server_that_restarts_midway(self):
        first = self.server(lambda request: dataclasses.replace(serve(request, DATA), rate=2_000_000, cut=1_000_000))
        stopped = threading.Event()

        def behave(request):
            if request.number == 2 and not stopped.is_set():
                stopped.set()
                threading.Thread(target=first.stop, daemon=True).start()
            return dataclasses.replace(serve(request, DATA), cut=500_000)

        first.behave = behave
        process = self.start("cp", "-p", "2", first.url(), self.folder / "out", environment=hasty())
        self.assertRegex(process.stderr.readline(), r"trying again until [0-9:]{8}$")
        self.server(lambda request: serve(request, DATA), port=first.port)
        self.assertEqual(process.wait(60), 0)
        self.assert_file(self.folder / "out", DATA)

    def test_an_unknown_host_is_told_at_once(self):
        outcome = self.refuse(NETWORK, "http://no-such-host.invalid/x", "resolve")
        self.assertNotIn("trying again", outcome.stderr)


class HeadsTest(HostsTest):
    def test_lengths_that_are_none(self):
        for length in ("1e3", str(2**63), "-1"):
            with self.subTest(length=length):
                server = self.server(lambda request: Reply(200, {}, b"abc", length=length))
                self.refuse(NETWORK, server.url(), server.url())

    def test_a_head_without_end(self):
        def drip(peer):
            peer.recv(4096)
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            try:
                for number in itertools.count():
                    peer.sendall(b"X: %d\r\n" % number)
                    threading.Event().wait(0.05)
            except OSError:
                pass

        port = self.serve_each(drip)
        self.refuse(NETWORK, f"http://127.0.0.1:{port}/x", "does not end", environment={**hasty(60), "SJCP_RETRY_TIME": "0"})

    def test_packed_bytes_are_kept_with_one_warning(self):
        def behave(request):
            reply = serve(request, DATA)
            reply.headers["Content-Encoding"] = "gzip"
            return reply

        outcome = self.assert_right(self.server(behave))
        self.assertEqual(outcome.stderr.count("Content-Encoding: gzip"), 1, outcome)
        self.assertEqual(self.assert_right(self.server(behave), path="file.tar.gz").stderr, "")

    def test_names_outside_ascii(self):
        server = self.server(lambda request: serve(request, DATA))
        for locale in ("C", "C.UTF-8"):
            self.sjcp("cp", f"http://b\u00fccher.localhost:{server.port}/x", self.folder / "out",
                      environment={"LC_ALL": locale})
            self.assert_file(self.folder / "out", DATA)
            self.assertEqual(server.requests[-1].headers["host"], f"xn--bcher-kva.localhost:{server.port}")

    def test_a_range_by_hand_is_refused(self):
        server = self.server(lambda request: serve(request, DATA))
        self.refuse(2, server.url(), "--range", options=("--header", "Range: bytes=0-5"))
        self.assertEqual(server.requests, [])


class TrustTest(HostsTest):
    def test_the_environment_names_who_is_trusted(self):
        server = self.server(lambda request: serve(request, DATA), authority=self.authority)
        for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            self.assert_right(server, environment={name: self.authority.ca})
            self.refuse(LOCAL, server.url(), "/no/such/file", name, environment={name: "/no/such/file"})

    def test_a_certificate_and_the_clock(self):
        server = self.server(lambda request: serve(request, DATA), authority=self.authority)
        outcome = self.run_sjcp("cp", "--cacert", self.authority.ca, server.url(), self.folder / "out",
                                clock=("-f", "-20y"))
        self.assert_fails(outcome, 6, "clock")
        self.assertNotIn("--cacert", outcome.stderr)

    def test_proxies_that_refuse_a_tunnel(self):
        for status, word in ((407, "proxy's URL"), (403, "forbidden")):
            def refuse(peer, status=status):
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)

            proxy = f"http://127.0.0.1:{self.serve_each(refuse)}"
            self.refuse(DENIED, "https://localhost:1/x", "proxy", str(status), word, environment={"https_proxy": proxy})


if __name__ == "__main__":
    harness.main()
