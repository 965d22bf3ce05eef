"""What `sjcp cp` does beside fetching: mirrors, digests, lists of downloads, copies between services."""

import base64
import dataclasses
import gzip
import hashlib
import json
import subprocess

import harness
import unruly
from gateway import Gateway
from storj import start_network
from unruly import Reply, Unruly

DATA = harness.some_bytes(12_000_007, seed=5)
OTHER = harness.some_bytes(len(DATA), seed=6)
USAGE, NOT_FOUND, INTEGRITY, SOME_FAILED = 2, 3, 6, 8


class CopyTest(harness.WebTest):
    def server(self, behave, **options):
        server = Unruly(behave, **options)
        self.addCleanup(server.stop)
        return server

    def serving(self, data, **options):
        return self.server(lambda request: unruly.serve(request, data, **options))

    def out(self, name="out"):
        return self.folder / name


class MirrorsTest(CopyTest):
    def test_every_mirror_serves_a_share(self):
        paced = [self.server(lambda request: self.paced(request)) for _ in range(3)]
        urls = [server.url() for server in paced]
        self.sjcp("cp", urls[0], "--mirror", urls[1], "--mirror", urls[2], self.out())
        self.assert_file(self.out(), DATA)
        for server in paced:
            self.assertGreater(server.bytes_sent, len(DATA) // 10)

    def paced(self, request):
        reply = unruly.serve(request, DATA)
        reply.rate = 4_000_000
        return reply

    def test_one_that_is_gone_or_refuses_is_named_and_not_missed(self):
        good = self.serving(DATA)
        gone = f"http://127.0.0.1:{harness.free_port()}/file.bin"
        refusing = self.server(lambda request: Reply(403))
        outcome = self.sjcp("cp", gone, "--mirror", refusing.url(), "--mirror", good.url(), self.out())
        self.assert_file(self.out(), DATA)
        self.assertIn(refusing.url(), outcome.stderr)

    def test_one_of_another_size_is_named_and_not_used(self):
        good, short = self.serving(DATA), self.serving(DATA[:-1])
        outcome = self.sjcp("cp", good.url(), "--mirror", short.url(), "--checksum", self.checksum(), self.out())
        self.assert_file(self.out(), DATA)
        self.assertIn(f"{short.url()}: has {len(DATA) - 1} bytes", outcome.stderr)

    def test_one_with_other_bytes_is_named_and_its_bytes_do_not_arrive(self):
        # Damaged wherever no sample is taken: only the digest tells.
        damaged = bytearray(DATA)
        for place in range(300_000, len(DATA) - 300_000, 500_000):
            damaged[place] ^= 1
        bad = self.server(lambda request: dataclasses.replace(unruly.serve(request, bytes(damaged)), rate=8_000_000))
        good = self.server(self.paced)
        outcome = self.sjcp("cp", good.url(), "--mirror", bad.url(), "--mirror", self.serving(DATA).url(),
                            "--checksum", self.checksum(), self.out())
        self.assert_file(self.out(), DATA)
        self.assertIn(f"dropped: {bad.url()}: served other bytes", outcome.stderr)
        self.assertNotIn("dropped: " + good.url(), outcome.stderr)

    def test_one_with_other_bytes_is_found_without_a_digest(self):
        good, false = self.serving(DATA), self.serving(OTHER)
        outcome = self.sjcp("cp", good.url(), "--mirror", false.url(), "--mirror", self.serving(DATA).url(), self.out())
        self.assert_file(self.out(), DATA)
        self.assertIn(f"{false.url()}: has other bytes than", outcome.stderr)

    def test_without_one_that_works_the_target_stays(self):
        self.out().write_text("before")
        gone = f"http://127.0.0.1:{harness.free_port()}/file.bin"
        refusing = self.server(lambda request: Reply(404))
        outcome = self.run_sjcp("cp", gone, "--mirror", refusing.url(), self.out())
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assert_file(self.out(), b"before")

    def test_one_without_ranges_serves_when_no_other_can(self):
        gone = self.server(lambda request: Reply(404))
        stream = self.serving(DATA, ranges=False)
        outcome = self.sjcp("cp", gone.url(), "--mirror", stream.url(), self.out())
        self.assert_file(self.out(), DATA)
        self.assertIn(gone.url(), outcome.stderr)
        self.assertEqual(len(stream.requests), 1)

    def test_one_without_ranges_takes_over_from_one_that_fails(self):
        def failing(request):
            reply = unruly.serve(request, DATA)
            large = len(reply.body) > 10_000
            return Reply(500) if large and request.number > 2 else dataclasses.replace(
                reply, cut=2_000_000 if large else None)

        stream = self.serving(DATA, ranges=False)
        broken = self.server(failing)
        outcome = self.sjcp("cp", broken.url(), "--mirror", stream.url(), self.out())
        self.assert_file(self.out(), DATA)
        self.assertIn(broken.url(), outcome.stderr)

    def test_schemes_may_differ(self):
        grant = {"SJCP_ACCESS": start_network(self)}
        (self.folder / "file").write_bytes(DATA)
        self.sjcp("mb", "sj://bucket", environment=grant)
        self.sjcp("cp", "file", "sj://bucket/key", environment=grant)
        web = self.server(lambda request: self.paced(request))
        self.sjcp("cp", web.url(), "--mirror", "sj://bucket/key", self.out(), environment=grant)
        self.assert_file(self.out(), DATA)
        self.assertLess(web.bytes_sent, len(DATA))

    def checksum(self):
        return "sha256:" + harness.sha256(DATA)


class DigestTest(CopyTest):
    def setUp(self):
        super().setUp()
        self.web = self.serving(DATA)

    def test_right_ones_of_every_kind(self):
        for kind in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(kind, DATA).hexdigest()
            self.sjcp("cp", "--checksum", f"{kind}:{digest}", self.web.url(), self.out(kind))
            self.assert_file(self.out(kind), DATA)

    def test_a_wrong_one_leaves_the_target_alone(self):
        self.out().write_text("before")
        wrong = "sha256:" + "0" * 64
        outcome = self.run_sjcp("cp", "--checksum", wrong, self.web.url(), self.out())
        self.assert_fails(outcome, INTEGRITY, harness.sha256(DATA))
        self.assert_file(self.out(), b"before")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["home", "out"])

        self.assertEqual(self.run_sjcp("cp", "--keep-bad", "--checksum", wrong, self.web.url(), self.out()).code,
                         INTEGRITY)
        self.assert_file(self.out(), b"before")
        self.assert_file(self.folder / "out.sjcp-bad", DATA)

    def test_files_of_digests(self):
        sums = self.folder / "SHA256SUMS"
        sums.write_text(f"{'0' * 64}  other.bin\n{harness.sha256(DATA)} *file.bin\n")
        self.sjcp("cp", "--checksum", sums, self.web.url("file.bin"), self.out())
        self.assert_file(self.out(), DATA)
        listing = self.server(lambda request: Reply(200, {}, sums.read_bytes()))
        self.assertEqual(self.run_sjcp("cp", "--checksum", listing.url("SHA256SUMS"), self.web.url("other.bin"),
                                       self.out("x")).code, INTEGRITY)
        self.assertEqual(self.run_sjcp("cp", "--checksum", sums, self.web.url("none.bin"), self.out("x")).code,
                         NOT_FOUND)

    def test_one_that_is_asked_for_is_printed(self):
        outcome = self.sjcp("cp", "--checksum", "sha1", self.web.url(), self.out())
        self.assertIn("sha1:" + hashlib.sha1(DATA).hexdigest(), outcome.stdout)
        outcome = self.sjcp("cp", "--progress=json", "--checksum", "sha256", self.web.url(), self.out("y"))
        files = [json.loads(line) for line in outcome.stderr.splitlines()]
        self.assertEqual([event["digest"] for event in files if event["event"] == "file"],
                         ["sha256:" + harness.sha256(DATA)])

    def test_the_time_of_the_source_is_kept_on_request(self):
        self.sjcp("cp", "-R", self.web.url(), self.out())
        self.assertEqual(int(self.out().stat().st_mtime), unruly.MODIFIED)
        self.sjcp("cp", self.web.url(), self.out("now"))
        self.assertNotEqual(int(self.out("now").stat().st_mtime), unruly.MODIFIED)


class NamesTest(CopyTest):
    def test_what_exists_under_the_name_that_the_server_gives_is_skipped_on_request(self):
        def named(request):
            reply = unruly.serve(request, DATA)
            reply.headers["Content-Disposition"] = 'attachment; filename="named"'
            return reply

        web = self.server(named)
        (self.folder / "down").mkdir()
        (self.folder / "down/named").write_text("before")
        self.sjcp("cp", "--no-clobber", web.url("x"), "down/")
        self.assert_file(self.folder / "down/named", b"before")
        # A file of the name in the URL is another one.
        (self.folder / "down/x").write_text("other")
        (self.folder / "down/named").unlink()
        self.sjcp("cp", "--no-clobber", web.url("x"), "down/")
        self.assert_file(self.folder / "down/named", DATA)
        self.assert_file(self.folder / "down/x", b"other")


class ListTest(CopyTest):
    def test_a_list_as_aria2_reads_it(self):
        web, gone = self.serving(DATA), self.server(lambda request: Reply(404))
        (self.folder / "list").write_text(
            f"# two files\n{web.url('a.bin')}\n{gone.url('b')}\t{web.url('b')}\n  out=sub/b.bin\n"
            f"  checksum=sha-256={harness.sha256(DATA)}\n  header=X-Mark: here\n")
        self.sjcp("cp", "-i", "list", "-j", "2", "down")
        self.assert_file(self.folder / "down/a.bin", DATA)
        self.assert_file(self.folder / "down/sub/b.bin", DATA)
        marked = {request.path for request in web.requests if request.headers.get("x-mark") == "here"}
        self.assertEqual(marked, {"/b"})

    def test_a_packed_list_with_blanks_and_passwords_as_aria2_reads_it(self):
        web = self.serving(DATA[:5000])
        lines = f"{web.url('a b')}?q=1 2\n  out=one\n  http-user=me\n  http-passwd={harness.SECRET}\n  foo=1\n"
        (self.folder / "list.gz").write_bytes(gzip.compress(lines.encode()))
        aria2 = harness.need_program("aria2c")
        subprocess.run([aria2, "-q", "--no-conf", "-i", "list.gz", "-d", "theirs"], cwd=self.folder, check=True,
                       timeout=harness.TIMEOUT)
        outcome = self.sjcp("cp", "-i", "list.gz", "ours")
        self.assert_file(self.folder / "ours/one", DATA[:5000])
        self.assertNotIn(harness.SECRET, outcome.stderr)
        self.assertEqual(outcome.stderr.count('"foo"'), 1)
        theirs, ours = web.requests[0], web.requests[-1]
        self.assertEqual(ours.path, theirs.path)
        self.assertEqual(ours.headers["authorization"], theirs.headers["authorization"])
        (self.folder / "list.gz").write_bytes(gzip.compress(lines.encode())[:30])
        self.assert_fails(self.run_sjcp("cp", "-i", "list.gz", "ours"), USAGE, "list.gz", "gzip")

    def test_headers_of_a_list_go_to_its_servers_only(self):
        other = self.serving(DATA)
        web = self.server(lambda request: Reply(302, {"Location": other.url("a")}))
        self.sjcp("cp", "-i", "-", "down", stdin=f"{web.url('a')}\n  header=X-Token: {harness.SECRET}\n".encode())
        self.assert_file(self.folder / "down/a", DATA)
        self.assertEqual(web.requests[0].headers["x-token"], harness.SECRET)
        self.assertEqual([request for request in other.requests if "x-token" in request.headers], [])

    def test_a_list_on_standard_input_goes_on_after_a_failure(self):
        web, gone = self.serving(DATA), self.server(lambda request: Reply(404))
        outcome = self.run_sjcp("cp", "-i", "-", "down", stdin=f"{gone.url('a')}\n{web.url('b')}\n".encode())
        self.assertEqual(outcome.code, SOME_FAILED, outcome)
        self.assert_file(self.folder / "down/b", DATA)
        self.assertIn(gone.url("a"), outcome.stderr)

    def test_the_number_of_connections_that_a_list_asks_for_is_kept(self):
        def paced(request):
            reply = unruly.serve(request, DATA)
            reply.rate = 8_000_000
            return reply

        one, many = self.server(paced), self.server(paced)
        self.sjcp("cp", "-i", "-", "one", stdin=f"{one.url('a')}\n  split=1\n".encode())
        self.assert_file(self.folder / "one/a", DATA)
        self.assertEqual(one.connections, 1)
        self.sjcp("cp", "-i", "-", "many", stdin=f"{many.url('a')}\n".encode())
        self.assertGreater(many.connections, 1)

    def test_a_file_of_another_size_than_the_list_says_is_refused(self):
        web = self.serving(DATA)
        (self.folder / "list.meta4").write_text(
            f'<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="a"><size>{len(DATA) + 1}</size>'
            f"<url>{web.url()}</url></file></metalink>")
        outcome = self.run_sjcp("cp", "-i", "list.meta4", "down")
        self.assertEqual(outcome.code, INTEGRITY, outcome)
        self.assertIn(str(len(DATA) + 1), outcome.stderr)
        self.assertFalse((self.folder / "down/a").exists())

    def test_a_mirror_of_another_size_than_the_list_says_is_not_used(self):
        short, web = self.serving(DATA[:-1]), self.serving(DATA)
        (self.folder / "list.meta4").write_text(
            f'<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="a"><size>{len(DATA)}</size>'
            f"<url>{short.url()}</url><url>{web.url()}</url></file></metalink>")
        outcome = self.sjcp("cp", "-i", "list.meta4", "down")
        self.assert_file(self.folder / "down/a", DATA)
        self.assertIn(f"{short.url()}: has {len(DATA) - 1} bytes, not {len(DATA)}", outcome.stderr)

    def test_a_checksum_of_a_list_is_kept_to(self):
        web = self.serving(DATA)
        listing = f"{web.url('a')}\n  checksum=sha-256={'0' * 64}\n".encode()
        outcome = self.run_sjcp("cp", "-i", "-", "down", stdin=listing)
        self.assertEqual(outcome.code, INTEGRITY, outcome)
        self.assertIn(harness.sha256(DATA), outcome.stderr)
        self.assertFalse((self.folder / "down/a").exists())
        good = f"{web.url('b')}\n".encode()
        self.assertEqual(self.run_sjcp("cp", "-i", "-", "down", stdin=listing + good).code, SOME_FAILED)

    def test_metalink(self):
        web, gone = self.serving(DATA), self.server(lambda request: Reply(404))
        document = f"""<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="model/weights.bin"><size>{len(DATA)}</size>
<hash type="sha-256">{harness.sha256(DATA)}</hash>
<url priority="1">{gone.url()}</url><url priority="2">{web.url()}</url></file></metalink>"""
        listing = self.server(lambda request: Reply(200, {}, document.encode()))
        self.sjcp("cp", "-i", listing.url("x.meta4"), "down/")
        self.assert_file(self.folder / "down/model/weights.bin", DATA)
        (self.folder / "bad.meta4").write_text(document.replace(harness.sha256(DATA), "0" * 64))
        self.assertEqual(self.run_sjcp("cp", "-i", "bad.meta4", "again/").code, INTEGRITY)
        self.assertFalse((self.folder / "again/model/weights.bin").exists())


class PiecesTest(CopyTest):
    LENGTH = 1 << 20

    def document(self, *urls, data=DATA):
        hashes = "".join(f"<hash>{harness.sha256(data[at:at + self.LENGTH])}</hash>"
                         for at in range(0, len(data), self.LENGTH))
        places = "".join(f'<url priority="{number + 1}">{url}</url>' for number, url in enumerate(urls))
        (self.folder / "list.meta4").write_text(
            f'<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="a"><size>{len(DATA)}</size>'
            f'<pieces length="{self.LENGTH}" type="sha-256">{hashes}</pieces>{places}</file></metalink>')

    def damaged(self, *places):
        data = bytearray(DATA)
        for place in places:
            data[place] ^= 1
        return bytes(data)

    def test_a_wrong_piece_comes_again_from_another_mirror_and_the_liar_is_named(self):
        # Only the liar can give parts, so all comes from it at first.
        liar, good = self.serving(self.damaged(3_500_000, 9_000_000)), self.serving(DATA, ranges=False)
        self.document(liar.url(), good.url())
        outcome = self.sjcp("cp", "-i", "list.meta4", "down")
        self.assert_file(self.folder / "down/a", DATA)
        self.assertIn(f"mirror dropped: {liar.url()}: served other bytes", outcome.stderr)
        self.assertNotIn("dropped: " + good.url(), outcome.stderr)

    def test_little_comes_again(self):
        liar, good = (self.server(lambda request, data=data: dataclasses.replace(unruly.serve(request, data),
                                                                                 rate=8_000_000))
                      for data in (self.damaged(3_500_000), DATA))
        self.document(liar.url(), good.url())
        self.sjcp("cp", "-i", "list.meta4", "down")
        self.assert_file(self.folder / "down/a", DATA)
        self.assertLess(liar.bytes_sent + good.bytes_sent, 1.5 * len(DATA))

    def test_a_piece_that_nobody_has_is_an_error(self):
        web = self.serving(self.damaged(3_500_000))
        self.document(web.url())
        outcome = self.run_sjcp("cp", "-i", "list.meta4", "down")
        self.assertEqual(outcome.code, INTEGRITY, outcome)
        self.assertIn(f"bytes {3 << 20} to {(4 << 20) - 1} are not what their sha256 says", outcome.stderr)
        self.assertFalse((self.folder / "down/a").exists())


class ServicesTest(CopyTest):
    def setUp(self):
        super().setUp()
        self.gateway = Gateway(self.folder / "gateway")
        self.addCleanup(self.gateway.stop)
        self.grant = start_network(self)
        self.sjcp("mb", "sj://storj")
        self.sjcp("mb", "s3://other")

    def environment(self, **more):
        if not hasattr(self, "grant"):
            return super().environment(**more)
        return super().environment(**{**self.gateway.environment(), "SJCP_ACCESS": self.grant, **more})

    def test_objects_go_from_any_to_any(self):
        web = self.serving(DATA)
        self.sjcp("cp", web.url(), "sj://storj/from-web")
        self.sjcp("cp", "sj://storj/from-web", "s3://other/from-storj")
        self.sjcp("cp", "s3://other/from-storj", "s3://other/within")
        self.sjcp("cp", "s3://other/within", "sj://storj/from-s3")
        self.sjcp("cp", "sj://storj/from-s3", self.out())
        self.assert_file(self.out(), DATA)

    def test_folders_go_from_one_to_the_other(self):
        for name in ("a", "deep/b", "deep/c"):
            path = self.folder / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode() * 2000)
        self.sjcp("cp", "-r", "tree", "s3://other/tree/")
        self.sjcp("cp", "-r", "s3://other/tree/", "sj://storj/copy/")
        self.sjcp("cp", "-r", "sj://storj/copy/", "back/")
        for name in ("a", "deep/b", "deep/c"):
            self.assert_file(self.folder / "back" / name, name.encode() * 2000)

    def test_what_does_not_verify_is_never_stored(self):
        web = self.serving(DATA)
        digest = hashlib.sha256(OTHER).digest()
        lying = self.server(lambda request: self.with_digest(request, base64.b64encode(digest).decode()))
        self.assertEqual(self.run_sjcp("cp", lying.url(), "sj://storj/bad").code, INTEGRITY)
        self.assertEqual(self.run_sjcp("cp", "sj://storj/bad", self.out()).code, NOT_FOUND)
        self.assertEqual(web.requests, [])

    def with_digest(self, request, value):
        reply = unruly.serve(request, DATA)
        reply.headers["Repr-Digest"] = f"sha-256=:{value}:"
        return reply

    def test_facts_of_objects_and_urls(self):
        web = self.serving(DATA)
        self.sjcp("cp", web.url(), "s3://other/key")
        for place in (web.url(), "s3://other/key"):
            facts = json.loads(self.sjcp("stat", "--json", place).stdout)
            self.assertEqual((facts["name"], facts["size"]), (place, len(DATA)))
        self.assertEqual(self.run_sjcp("stat", "s3://other/none").code, NOT_FOUND)


class RegisterTest(CopyTest):
    def test_a_grant_becomes_keys(self):
        grant = start_network(self)
        keys = {"access_key_id": "jkey", "secret_key": "jsecret", "endpoint": "https://gateway.example.com"}
        auth = self.server(lambda request: Reply(200, {}, json.dumps(keys).encode()))
        outcome = self.sjcp("access", "register", "--auth-service", auth.url(""), "--format", "env", grant)
        (request,) = auth.requests
        self.assertEqual((request.method, request.path), ("POST", "/v1/access"))
        self.assertEqual(json.loads(request.body), {"access_grant": grant, "public": False})
        self.assertIn("AWS_ACCESS_KEY_ID=jkey\nAWS_SECRET_ACCESS_KEY=jsecret\n", outcome.stdout)

    def test_a_service_that_is_away_for_a_while_is_asked_again(self):
        grant = start_network(self)
        keys = {"access_key_id": "jkey", "secret_key": "jsecret", "endpoint": "https://gateway.example.com"}

        def behave(request):
            if request.number < 3:
                return [Reply(503, {}, b"restarting"), Reply(silent=True), Reply(429, {"Retry-After": "0"})][request.number]
            return Reply(200, {}, json.dumps(keys).encode())

        auth = self.server(behave)
        self.assertIn("jkey", self.sjcp("access", "register", "--auth-service", auth.url(""), grant).stdout)
        self.assertEqual(len(auth.requests), 4)
        away = self.server(lambda request: Reply(503, {}, b"restarting"))
        outcome = self.run_sjcp("--retry-time", "1", "access", "register", "--auth-service", away.url(""), grant)
        self.assert_fails(outcome, 5, "restarting", "tried for")
        nobody = f"http://127.0.0.1:{harness.free_port()}"
        outcome = self.run_sjcp("--retry-time", "1", "access", "register", "--auth-service", nobody, grant)
        self.assert_fails(outcome, 5, "tried for")

    def test_a_refusal_is_told_and_the_grant_is_not(self):
        grant = start_network(self)
        auth = self.server(lambda request: Reply(400, {}, b'access grant: disallowed satellite: "x"\n'))
        outcome = self.run_sjcp("access", "register", "--auth-service", auth.url(""), grant)
        self.assert_fails(outcome, USAGE, "disallowed satellite")
        self.assertNotIn(grant[:20], outcome.stderr + outcome.stdout)
        moved = self.server(lambda request: Reply(307, {"Location": auth.url("elsewhere")}))
        self.assertNotEqual(self.run_sjcp("access", "register", "--auth-service", moved.url(""), grant).code, 0)
        self.assertEqual(len(auth.requests), 1)


if __name__ == "__main__":
    harness.main()
