"""Downloads that cannot succeed: one line that names the place and keeps its secrets, the exit code of its kind, in time,
and the file that was there untouched."""

import base64
import dataclasses
import gzip
import hashlib
import itertools
import socket
import struct
import threading

import harness
import hub as model_hub
from gateway import Gateway
from harness import SECRET
from unruly import ETAG, Reply, Unruly, serve

DATA = harness.some_bytes(3_000_001, seed=2)
USAGE, NOT_FOUND, DENIED, NETWORK, INTEGRITY, CONFLICT, LIMITED = 2, 3, 4, 5, 6, 9, 10
QUERY = "file.bin?signature={0}&X-Amz-Signature={0}&token={0}".format
# Tries of one request in a row, at least and at most, within the time that a service is waited for; repetitions of a
# transfer as a whole.
BUDGET = 300
# A few ranges begin with the budget just used up.
FEWEST, MOST = 8, BUDGET + 20


def hasty():
    """An environment in which pauses and time-outs are short."""
    return {"LD_PRELOAD": harness.preloaded("haste"), "SJCP_TEST_HASTE": "20"}


def refuse_body(peer, patience=0.3):
    """Answers who waits for it after a first piece; whoever goes on meets a reset.
    patience: seconds without a byte after which there is an answer; None: there is none."""
    received, asked = b"", False
    peer.settimeout(patience)
    try:
        while len(received) < 100_000:
            piece = peer.recv(65536)
            if not piece:
                return
            received += piece
            if not asked and b"\r\n\r\n" in received and b"\nExpect: 100-continue\r\n" in received:
                asked = True
                peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    except TimeoutError:
        page = b"<Error><Code>AccessDenied</Code></Error>"
        peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(page), page))
        return
    # Without lingering, closing sends a RST.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def pass_on(source, sink):
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
    except OSError:
        pass


class FailuresTest(harness.WebTest):
    def server(self, behave, **options):
        server = Unruly(behave, **options)
        self.addCleanup(server.stop)
        return server

    def refuse_url(self, code, server, *words, options=()):
        """With secrets wherever a URL has room for them."""
        url = server.url(QUERY(SECRET)).replace("//", f"//me:{SECRET}@")
        return self.refuse(code, url, server.url(QUERY("***")), *words, options=("-p", "4", *options))

    def assert_tried(self, server):
        """Again and again, and not for ever."""
        self.assertGreaterEqual(len(server.requests), FEWEST)
        self.assertLessEqual(len(server.requests), MOST)

    def replying(self, *arguments, **options):
        return self.server(lambda request: Reply(*arguments, **options))

    def after_a_cut(self, then):
        """The first stream breaks; `then` is what further requests get."""
        return self.server(lambda request: dataclasses.replace(serve(request, DATA), cut=500_000)
                           if request.number == 0 else then(request))


class PlacesTest(FailuresTest):
    def test_schemes_that_nobody_knows(self):
        for scheme in ("gopher", "ftp", "htp"):
            self.refuse(USAGE, f"{scheme}://me:{SECRET}@127.0.0.1/{QUERY(SECRET)}", f"{scheme}://127.0.0.1/{QUERY('***')}")

    def test_hosts_that_are_not_there(self):
        port = harness.free_port()
        for host, word in (("no-such-host.invalid", "resolve"), (f"127.0.0.1:{port}", "onnect")):
            self.refuse(NETWORK, f"http://me:{SECRET}@{host}/{QUERY(SECRET)}", f"http://{host}/{QUERY('***')}", word,
                        environment={"SJCP_RETRY_TIME": "1"})

    def test_certificates_that_do_not_verify(self):
        server = self.server(lambda request: serve(request, DATA), authority=self.authority)
        self.refuse_url(INTEGRITY, server, "certificate", "--cacert")
        elsewhere = harness.Authority(self.class_folder / "elsewhere", "DNS:elsewhere.example")
        other = self.server(lambda request: serve(request, DATA), authority=elsewhere)
        self.refuse_url(INTEGRITY, other, "certificate", options=("--cacert", elsewhere.ca))
        self.assertEqual(server.requests + other.requests, [])

    def test_redirects_without_end(self):
        server = self.server(lambda request: Reply(302, {"Location": f"/{request.number}?token={SECRET}"}))
        self.refuse_url(NETWORK, server, "redirects")
        self.assertLess(len(server.requests), 40)
        plain = self.server(lambda request: serve(request, DATA))
        away = self.server(lambda request: Reply(302, {"Location": plain.url(QUERY(SECRET))}), authority=self.authority)
        self.refuse_url(NETWORK, away, "http://", options=("--cacert", self.authority.ca))
        self.assertEqual(plain.requests, [])

    def test_mirrors_of_which_none_works(self):
        gone, refusing = self.replying(404), self.replying(403)
        names = [server.url(QUERY("***")) for server in (gone, refusing)]
        self.refuse(DENIED, gone.url(QUERY(SECRET)), "none of the 2 mirrors", *names,
                    options=("--mirror", refusing.url(QUERY(SECRET))))
        (self.folder / "list.meta4").write_text(
            '<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="out">' +
            "".join(f"<url>{server.url(QUERY(SECRET)).replace('&', '&amp;')}</url>" for server in (gone, refusing)) +
            "</file></metalink>")
        self.refuse(DENIED, "list.meta4", "none of the 2 mirrors", *names, options=("-i",), into=".")


class AnswersTest(FailuresTest):
    def test_refusals_are_told_by_their_kind(self):
        for status, code in ((401, DENIED), (403, DENIED), (404, NOT_FOUND), (410, NOT_FOUND), (416, USAGE)):
            with self.subTest(status=status):
                server = self.replying(status, {}, f"<p>{SECRET}</p>".encode())
                self.refuse_url(code, server, f"answers {status}")
                self.assertLessEqual(len(server.requests), 2)

    def test_a_range_outside_the_object(self):
        server = self.server(lambda request: serve(request, DATA))
        self.refuse_url(USAGE, server, "range", options=("--range", "bytes=3000001-"))
        # One that does not say how long the object is.
        self.refuse_url(USAGE, self.replying(416), "range", options=("--range", "bytes=3000001-"))

    def test_a_digest_that_does_not_fit(self):
        server = self.server(lambda request: serve(request, DATA))
        wrong = ("--checksum", "sha256:" + "0" * 64)
        self.refuse_url(INTEGRITY, server, "sha256 is " + harness.sha256(DATA), options=wrong)
        promising = self.server(self.promising_another)
        self.refuse_url(INTEGRITY, promising, "sha256")
        # Kept aside only on request.
        outcome = self.run_sjcp("cp", "--keep-bad", *wrong, server.url(QUERY(SECRET)), self.folder / "out")
        self.assert_fails(outcome, INTEGRITY, "out.sjcp-bad")
        self.assert_file(self.folder / "out.sjcp-bad", DATA)
        self.assert_file(self.folder / "out", b"old")

    @staticmethod
    def promising_another(request):
        reply = serve(request, DATA)
        reply.headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(b'other').digest()).decode()}:"
        return reply

    def test_an_object_that_changes_midway(self):
        for ignores_conditions in (False, True):
            with self.subTest(ignores_conditions=ignores_conditions):
                def then(request):
                    if ignores_conditions:
                        request.headers.pop("if-match", None)
                    return serve(request, bytes(reversed(DATA)), etag='"v2"')

                self.refuse_url(CONFLICT, self.after_a_cut(then), "changes")

    def test_an_object_that_becomes_shorter(self):
        def then(request):
            request.headers.pop("if-match", None)
            return serve(request, DATA[:100_000])

        self.refuse_url(CONFLICT, self.after_a_cut(then), "changes")

    def test_replies_that_are_not_what_was_asked_for(self):
        def wrong_range(request):
            reply = serve(request, DATA)
            reply.headers["Content-Range"] = f"bytes 0-{len(reply.body) - 1}/{len(DATA)}"
            return reply

        def packed(request):
            reply = serve(request, DATA)
            reply.headers["Content-Encoding"] = "gzip"
            reply.body = gzip.compress(reply.body)
            return reply

        def longer_than_its_range(request):
            reply = serve(request, DATA)
            reply.body += b"more"
            return reply

        for then, word in ((wrong_range, "asked for"), (packed, "another form"),
                           (longer_than_its_range, "length")):
            with self.subTest(then.__name__):
                server = self.after_a_cut(then)
                self.refuse_url(NETWORK, server, word)
                self.assertLess(len(server.requests), 40)

    def test_an_error_page_with_status_200_is_no_range(self):
        self.refuse_url(CONFLICT, self.after_a_cut(lambda request: Reply(200, {"ETag": '"x"'}, b"<html>busy</html>")))
        self.refuse_url(NETWORK, self.after_a_cut(lambda request: Reply(200, {"ETag": ETAG}, b"<html>busy</html>")))

    def test_streams_without_length_that_break_and_tell_no_version(self):
        def behave(request):
            return dataclasses.replace(serve(request, DATA, ranges=False), headers={}, chunked=True, cut=1_500_000)

        server = self.server(behave)
        self.refuse_url(NETWORK, server, "connection was lost")
        self.assertEqual(len(server.requests), 1)


class RepetitionTest(FailuresTest):
    """Failures that may pass, and do not."""

    def environment(self, **more):
        return super().environment(**{**hasty(), **more})

    def test_servers_that_refuse_each_request(self):
        for status, code in ((503, NETWORK), (500, NETWORK), (429, LIMITED)):
            with self.subTest(status=status):
                server = self.replying(status, {"Retry-After": "0"}, b"busy")
                self.refuse_url(code, server, f"answers {status}", options=("-p", "64"))
                self.assert_tried(server)

    def test_servers_that_refuse_each_request_but_the_first(self):
        for status, code in ((503, NETWORK), (429, LIMITED)):
            with self.subTest(status=status):
                server = self.after_a_cut(lambda request: Reply(status, {"Retry-After": "0"}, b"busy"))
                self.refuse_url(code, server, f"answers {status}")
                self.assert_tried(server)

    def test_servers_that_break_off_at_once(self):
        def behave(request):
            return dataclasses.replace(serve(request, DATA), cut=0, reset=True)

        server = self.server(behave)
        self.refuse_url(NETWORK, server)
        self.assert_tried(server)

    def test_servers_that_break_off_after_little_each_time(self):
        for ends in ({"reset": True}, {"reset": False}, {"length": None}):
            with self.subTest(**ends):
                server = self.server(lambda request: dataclasses.replace(serve(request, DATA), cut=1000, **ends))
                self.refuse_url(NETWORK, server, options=("-p", "16"))
                # What arrives earns some more.
                self.assertGreaterEqual(len(server.requests), BUDGET)
                self.assertLessEqual(len(server.requests), BUDGET + BUDGET // 10)

    def test_failures_do_no_harm_where_enough_comes_between_them(self):
        data = harness.some_bytes(60_000_000, seed=4)
        server = self.server(lambda request: dataclasses.replace(serve(request, data), cut=100_000, reset=True))
        self.sjcp("cp", "-p", "16", server.url(), self.folder / "out")
        self.assert_file(self.folder / "out", data)
        self.assertGreater(len(server.requests), BUDGET + 100)

    def test_replies_that_are_always_shorter_than_they_say(self):
        def behave(request):
            reply = serve(request, DATA, ranges=False)
            return dataclasses.replace(reply, length=len(DATA) + 1000, headers={**reply.headers})

        server = self.server(behave)
        self.refuse_url(NETWORK, server)
        self.assert_tried(server)

    def test_a_server_that_falls_silent(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA), stall=0))
        self.refuse_url(NETWORK, server, "nothing moves any more")
        # Each has waited for its own limit before; four fetches, and one that takes the place of each.
        self.assertGreaterEqual(len(server.requests), 3)
        self.assertLessEqual(len(server.requests), 1 + 2 * 4 * 3)


class ServicesTest(FailuresTest):
    """S3 and hubs."""

    def s3(self, server):
        return {"AWS_ENDPOINT_URL": server.url("").rstrip("/"), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_EC2_METADATA_DISABLED": "true", **hasty()}

    def start_gateway(self):
        gateway = Gateway(self.class_folder / self.id())
        self.addCleanup(gateway.stop)
        client = gateway.client()
        client.create_bucket(Bucket="bkt")
        client.put_object(Bucket="bkt", Key="key", Body=DATA)
        return gateway

    def test_no_and_wrong_credentials(self):
        environment = self.start_gateway().environment()
        for change, word in (({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "AWS_ACCESS_KEY_ID"),
                             ({"AWS_SECRET_ACCESS_KEY": SECRET}, "secret")):
            self.refuse(DENIED, "s3://bkt/key", "s3://bkt/key", word, environment={**environment, **change})
        self.refuse(DENIED, "s3://bkt/key", "s3://bkt/key", options=("--no-sign-request",), environment=environment)

    def test_a_region_that_stays_wrong(self):
        moved = self.replying(301, {}, b"<Error><Code>PermanentRedirect</Code></Error>")
        self.refuse(USAGE, "s3://bkt/key", "s3://bkt/key", "--region", environment=self.s3(moved))
        elsewhere = self.replying(400, {}, b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong"
                                           b"</Message><Region>eu-west-9</Region></Error>")
        self.refuse(USAGE, "s3://bkt/key", "s3://bkt/key", "region", environment=self.s3(elsewhere))
        self.assertLess(len(moved.requests) + len(elsewhere.requests), 10)

    def test_a_clock_that_is_wrong_is_corrected_by_the_service(self):
        gateway = self.start_gateway()
        for clock in ("-3h", "+3h"):
            with self.subTest(clock=clock):
                # Only the wall clock is wrong.
                time = ("--exclude-monotonic", "-f", clock)
                done = self.run_sjcp("cp", "s3://bkt/key", "down", environment=gateway.environment(), clock=time)
                self.assertEqual(done.code, 0, done)
                self.assert_file(self.folder / "down", DATA)
                done = self.run_sjcp("cp", "down", "s3://bkt/up", environment=gateway.environment(), clock=time)
                self.assertEqual(done.code, 0, done)
                self.assertEqual(gateway.client().get_object(Bucket="bkt", Key="up")["Body"].read(), DATA)
        self.assertIn(403, [status for status, _, _ in gateway.requests()])

    def test_a_clock_that_stays_wrong(self):
        server = self.replying(403, {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"},
                               b"<Error><Code>RequestTimeTooSkewed</Code></Error>")
        self.refuse(DENIED, "s3://bkt/key", "s3://bkt/key", "clock", environment=self.s3(server))
        self.assertEqual(len(server.requests), 2)

    def test_a_refusal_before_the_body_is_over_is_told_although_its_connection_breaks(self):
        environment = {name: value for name, value in self.s3(self.replying(403)).items() if name not in hasty()}
        environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{self.serve_each(refuse_body)}"
        for size in (len(DATA), 300_000):  # asked for and not
            with self.subTest(size=size):
                (self.folder / "up").write_bytes(DATA[:size])
                outcome = self.run_sjcp("cp", "up", "s3://bkt/key", environment=environment)
                self.assert_fails(outcome, DENIED, "s3://bkt/key", "AccessDenied")

    def test_a_body_whose_first_connection_broke_is_sent_whole(self):
        gateway = self.start_gateway()
        connections = itertools.count()

        def break_the_first(peer):
            if next(connections) == 0:
                refuse_body(peer, patience=None)
                return
            with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2]))) as service:
                threading.Thread(target=pass_on, args=(service, peer), daemon=True).start()
                pass_on(peer, service)

        environment = {**gateway.environment(), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.serve_each(break_the_first)}"}
        (self.folder / "up").write_bytes(DATA)
        self.sjcp("cp", "up", "s3://bkt/up", environment=environment)
        self.assertEqual(gateway.client().get_object(Bucket="bkt", Key="up")["Body"].read(), DATA)
        self.assertEqual([what for _, what, _ in gateway.requests() if what == "PutObject"], ["PutObject"] * 2)

    def test_a_presigned_url_that_has_expired(self):
        gateway = self.start_gateway()
        done = self.run_sjcp("presign", "--expires", "10m", "s3://bkt/key", environment=gateway.environment(),
                             clock=("-f", "-1h"))
        url = done.stdout.strip()
        signature = url.partition("X-Amz-Signature=")[2].partition("&")[0]
        outcome = self.refuse(DENIED, url, f"{gateway.url}/bkt/key?", "X-Amz-Signature=***", "403")
        self.assertNotIn(signature, outcome.stderr)

    def test_a_storm_of_refusals(self):
        server = self.replying(503, {"Retry-After": "0"}, b"<Error><Code>SlowDown</Code></Error>")
        self.refuse(LIMITED, "s3://bkt/key", "s3://bkt/key", "fewer requests", environment=self.s3(server))
        self.assert_tried(server)

    def test_a_service_that_breaks_off_after_little_each_time(self):
        server = self.server(lambda request: dataclasses.replace(serve(request, DATA), cut=1000, reset=True))
        self.refuse(NETWORK, "s3://bkt/key", server.url("bkt/key"), options=("-p", "16"), environment=self.s3(server))
        self.assertGreaterEqual(len(server.requests), BUDGET)
        self.assertLessEqual(len(server.requests), BUDGET + BUDGET // 10)

    def test_a_gated_repository(self):
        hub = model_hub.Hub()
        self.addCleanup(hub.stop)
        hub.repo("org/gated", gated="hf_right").commit({"config.json": b"{}", "model.bin": DATA})
        for token in ("", SECRET):
            self.refuse(DENIED, "hf://org/gated/model.bin", "hf://org/gated/model.bin", f"{hub.endpoint}/org/gated",
                        environment={"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": token})
        self.assertEqual(hub.count("delivery"), 0)

    def test_a_hub_that_refuses_each_request(self):
        for status, code in ((503, NETWORK), (429, LIMITED)):
            hub = model_hub.Hub()
            self.addCleanup(hub.stop)
            hub.repo("org/model").commit({"model.bin": DATA})
            hub.refuse(status, {"Retry-After": "0"}, times=1000)
            self.refuse(code, "hf://org/model/model.bin", "hf://org/model/model.bin",
                        environment={"HF_ENDPOINT": hub.endpoint, **hasty()})
            self.assert_tried(hub)


if __name__ == "__main__":
    harness.main()
