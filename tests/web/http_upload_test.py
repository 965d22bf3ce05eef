"""Uploads to plain URLs: one PUT, in one stream."""

import socket
import struct
import time

import harness
from unruly import Reply, Unruly, serve

DATA = harness.some_bytes(9_000_001, seed=3)


class UploadTest(harness.WebTest):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "file"
        self.file.write_bytes(DATA)

    def server(self, behave, **options):
        server = Unruly(behave, **options)
        self.addCleanup(server.stop)
        return server

    def test_a_file_is_put_with_its_length(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                server = self.server(lambda request: Reply(201), authority=self.authority if tls else None)
                self.sjcp("cp", "--cacert", self.authority.ca, self.file, server.url("a%20b?X-Amz-Signature=1"))
                (request,) = server.requests
                self.assertEqual(request.method, "PUT")
                self.assertEqual(request.path, "/a%20b?X-Amz-Signature=1")
                self.assertEqual(request.headers["content-length"], str(len(DATA)))
                self.assertEqual(harness.sha256(request.body), harness.sha256(DATA))

    def test_an_empty_file(self):
        self.file.write_bytes(b"")
        server = self.server(lambda request: Reply(200))
        self.sjcp("cp", self.file, server.url())
        self.assertEqual(server.requests[0].headers["content-length"], "0")

    def test_a_refusal_is_an_error_and_nothing_is_sent_twice(self):
        server = self.server(lambda request: Reply(403, {}, b"expired"))
        outcome = self.run_sjcp("cp", self.file, server.url("x?sig=geheim"))
        self.assert_fails(outcome, 4, "403")
        self.assertNotIn("geheim", outcome.stderr)
        self.assertEqual(len(server.requests), 1)

    def test_a_copy_within_a_server_that_takes_one_request_at_a_time_does_not_wait_for_itself(self):
        def behave(request):
            if request.number == 0:
                return Reply(429, {"Retry-After": "0"})
            return Reply(201) if request.method == "PUT" else serve(request, DATA)

        server = self.server(behave)
        begin = time.monotonic()
        self.sjcp("cp", server.url("from"), server.url("to"))
        # What waits for good goes on after 30 s.
        self.assertLess(time.monotonic() - begin, 15)
        (put,) = [request for request in server.requests if request.method == "PUT"]
        self.assertEqual(harness.sha256(put.body), harness.sha256(DATA))

    def test_a_redirect_before_the_data_is_followed(self):
        # The server answers the head instead of asking for the data with 100 Continue.
        target = self.server(lambda request: Reply(201))

        def redirect(peer):
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
                         % target.url("moved").encode())
            peer.settimeout(5)
            try:
                while peer.recv(65536):
                    pass
            except OSError:
                pass

        self.sjcp("cp", self.file, f"http://127.0.0.1:{self.serve_each(redirect)}/x")
        self.assertEqual(harness.sha256(target.requests[0].body), harness.sha256(DATA))
        self.assertEqual(target.requests[0].path, "/moved")

    def breaking(self, how, taken=3_000_000):
        """A server whose first connection ends `how` after so much of the body, and that is well from then on; its port, and
        the bodies that it took."""
        bodies = []
        talks = []

        def talk(peer):
            stream = peer.makefile("rb")
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = stream.readline()
                if not line:
                    return
                head += line
            if b"100-continue" in head.lower():
                peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            talks.append(time.monotonic())
            if len(talks) == 1:
                stream.read(taken)
                if how == "reset":
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    peer.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nConnection: close\r\n"
                                 b"Content-Length: 0\r\n\r\n")
                    # Closed with bytes unread, it would be a reset.
                    peer.settimeout(5)
                    try:
                        while stream.read(65536):
                            pass
                    except OSError:
                        pass
                return
            size = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            body = b""
            if size:
                body = stream.read(size[0])
            else:
                while count := int(stream.readline(), 16):
                    body += stream.read(count)
                    stream.readline()
            bodies.append(body)
            peer.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        return self.serve_each(talk), bodies, talks

    def test_what_breaks_midway_is_put_again(self):
        for how in ("reset", "busy"):
            with self.subTest(how=how):
                port, bodies, talks = self.breaking(how)
                self.sjcp("cp", self.file, f"http://127.0.0.1:{port}/x")
                self.assertEqual([harness.sha256(body) for body in bodies], [harness.sha256(DATA)])
                self.assertEqual(len(talks), 2)
                if how == "busy":
                    self.assertGreaterEqual(talks[1] - talks[0], 1)

    def test_a_small_file_is_put_again(self):
        self.file.write_bytes(DATA[:500_000])
        port, bodies, _ = self.breaking("reset", 100_000)
        self.sjcp("cp", self.file, f"http://127.0.0.1:{port}/x")
        self.assertEqual(bodies, [DATA[:500_000]])

    def test_of_stdin_only_what_is_still_held_is_put_again(self):
        port, bodies, _ = self.breaking("reset", 1_000)
        self.sjcp("cp", "-", f"http://127.0.0.1:{port}/x", stdin=DATA[:1_000_000])
        self.assertEqual(bodies, [DATA[:1_000_000]])
        # More than that is on its way at once.
        data = DATA + DATA
        port, bodies, talks = self.breaking("reset", len(DATA) + 4_000_000)
        self.assert_fails(self.run_sjcp("cp", "-", f"http://127.0.0.1:{port}/x", stdin=data), 5)
        self.assertEqual((bodies, len(talks)), ([], 1))

    def test_a_connection_that_is_lost_is_an_error(self):
        def take_some(peer):
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            peer.recv(1_000_000)

        outcome = self.run_sjcp("cp", "--retry-time", "1", self.file, f"http://127.0.0.1:{self.serve_each(take_some)}/x")
        self.assert_fails(outcome, 5)


if __name__ == "__main__":
    harness.main()
