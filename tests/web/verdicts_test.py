"""What counts as unchanged, what a shared link is, and what a copy between services keeps."""

import os
import pathlib

import harness
import hub as model_hub
import unruly
from gateway import Gateway
from storj import start_network
from unruly import Reply, Unruly

USAGE, NOT_FOUND, SOME_FAILED = 2, 3, 8
LONG_AGO = 1_000_000_000


class VerdictsTest(harness.WebTest):
    def server(self, behave):
        server = Unruly(behave)
        self.addCleanup(server.stop)
        return server

    def old(self, name, data, age=LONG_AGO):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if age is not None:
            os.utime(path, (age, age))
        return path


class ChangedWebTest(VerdictsTest):
    def test_a_url_without_a_time_is_copied(self):
        def behave(request):
            reply = unruly.serve(request, b"new bytes")
            del reply.headers["Last-Modified"]
            return reply

        web = self.server(behave)
        out = self.old("out", b"old bytes", None)
        self.sjcp("cp", "--if-changed", web.url(), out)
        self.assert_file(out, b"new bytes")

    def test_a_digest_that_is_known_decides(self):
        web = self.server(lambda request: unruly.serve(request, b"new bytes"))
        out = self.old("out", b"old bytes", None)
        checksum = "sha256:" + harness.sha256(b"new bytes")
        self.sjcp("cp", "--if-changed", "--checksum", checksum, web.url(), out)
        self.assert_file(out, b"new bytes")
        self.old("out", b"new bytes")
        seen = len(web.requests)
        self.sjcp("cp", "--if-changed", "--checksum", checksum, web.url(), out)
        self.assertEqual(len(web.requests), seen)

    def test_a_url_of_the_same_size_that_is_older_is_left_alone(self):
        web = self.server(lambda request: unruly.serve(request, b"new bytes"))
        out = self.old("out", b"old bytes", None)
        self.sjcp("cp", "--if-changed", web.url(), out)
        self.assert_file(out, b"old bytes")


class ChangedHubTest(VerdictsTest):
    FILES = {"config.json": b'{"layers": 2}', "model.bin": harness.some_bytes(3_000_001, seed=1)}

    def setUp(self):
        super().setUp()
        self.hub = model_hub.Hub()
        self.addCleanup(self.hub.stop)
        self.hub.repo("org/model").commit(self.FILES)

    def environment(self, **more):
        return super().environment(**{"HF_ENDPOINT": self.hub.endpoint, "HF_HOME": self.folder / "hf", **more})

    def test_the_digest_of_the_hub_decides(self):
        for arguments in (["-r", "hf://org/model/", "d"], ["hf://org/model/model.bin", "d/model.bin"],
                          ["hf://org/model/config.json", "d/config.json"]):
            for name, data in self.FILES.items():
                self.old("d/" + name, bytes(len(data)), None)
            self.sjcp("cp", "--if-changed", *arguments)
            for name in self.FILES if arguments[0] == "-r" else [pathlib.Path(arguments[1]).name]:
                self.assert_file(self.folder / "d" / name, self.FILES[name])
                inode = (self.folder / "d" / name).stat().st_ino
                os.utime(self.folder / "d" / name, (LONG_AGO, LONG_AGO))
                self.sjcp("cp", "--if-changed", *arguments)
                self.assertEqual((self.folder / "d" / name).stat().st_ino, inode)


class ServicesTest(VerdictsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway = Gateway(cls.class_folder / "gateway")
        cls.addClassCleanup(cls.gateway.stop)
        cls.boto = cls.gateway.client()

    def setUp(self):
        super().setUp()
        self.bucket = "b" + harness.sha256(self.id().encode())[:16]
        self.boto.create_bucket(Bucket=self.bucket)

    def environment(self, **more):
        grant = {"SJCP_ACCESS": self.grant} if hasattr(self, "grant") else {}
        return super().environment(**{**self.gateway.environment(), **grant, **more})

    def url(self, key=""):
        return f"s3://{self.bucket}/{key}"

    def put(self, key, data, **options):
        self.boto.put_object(Bucket=self.bucket, Key=key, Body=data, **options)

    def head(self, key):
        return self.boto.head_object(Bucket=self.bucket, Key=key)

    def test_the_md5_of_s3_decides_down_and_up(self):
        self.put("d/key", b"new bytes")
        for source, target in ((self.url("d/key"), "d/key"), (self.url("d/"), "d")):
            recursive = ["-r"] if target == "d" else []
            out = self.old("d/key", b"old bytes", None)
            self.sjcp("cp", "--if-changed", *recursive, source, target)
            self.assert_file(out, b"new bytes")
            out = self.old("d/key", b"new bytes")
            self.sjcp("cp", "--if-changed", *recursive, source, target)
            self.assertEqual(out.stat().st_mtime, LONG_AGO)
        # Restored from somewhere: older than the object, and other bytes.
        out = self.old("d/key", b"old bytes")
        self.sjcp("cp", "--if-changed", out, self.url("d/key"))
        self.assertEqual(self.boto.get_object(Bucket=self.bucket, Key="d/key")["Body"].read(), b"old bytes")
        changed = self.head("d/key")["LastModified"]
        self.old("d/key", b"old bytes", None)
        self.sjcp("cp", "--if-changed", "-r", "d", self.url("d/"))
        self.assertEqual(self.head("d/key")["LastModified"], changed)

    def test_metadata_goes_with_a_copy_between_services(self):
        self.grant = start_network(self)
        self.sjcp("mb", "sj://storj")
        self.put("key", b"bytes", Metadata={"a": "1"}, ContentType="text/plain")
        self.sjcp("cp", self.url("key"), "sj://storj/key")
        shown = self.sjcp("stat", "sj://storj/key").stdout
        self.assertIn("a=1", shown)
        self.assertIn("content-type=text/plain", shown)
        self.sjcp("cp", "sj://storj/key", self.url("back"))
        self.assertEqual(self.head("back")["Metadata"], {"a": "1"})
        self.assertEqual(self.head("back")["ContentType"], "text/plain")
        self.sjcp("cp", "--expires", "+1h", "sj://storj/key", "sj://storj/copy")
        self.assertIn("a=1", self.sjcp("stat", "sj://storj/copy").stdout)
        self.sjcp("cp", "--metadata", '{"b":"2"}', "sj://storj/key", self.url("other"))
        self.assertEqual(self.head("other")["Metadata"], {"b": "2"})

    def test_metadata_that_a_header_cannot_carry_is_told_of_once(self):
        self.grant = start_network(self)
        self.sjcp("mb", "sj://storj")
        (self.folder / "file").write_bytes(b"bytes")
        for name in ("d/1", "d/2"):
            self.sjcp("cp", "--metadata", '{"no token":"x","lines":"a\\r\\nb","fine":"y"}', "file", "sj://storj/" + name)
        outcome = self.sjcp("cp", "-r", "sj://storj/d/", self.url("d/"))
        self.assertEqual(self.head("d/1")["Metadata"], {"fine": "y"})
        self.assertEqual(outcome.stderr.count("left out"), 1, outcome)
        self.assertIn('"no token"', outcome.stderr)

    def test_an_expiry_that_cannot_be_is_refused_for_copies_as_for_uploads(self):
        self.put("key", b"bytes")
        outcome = self.run_sjcp("cp", "--expires", "+1h", self.url("key"), self.url("copy"))
        self.assert_fails(outcome, USAGE, "do not expire")

    def test_the_marker_of_a_folder_and_a_prefix(self):
        self.put("fm/", b"")
        self.put("fm/a", b"a")
        self.sjcp("cp", "-r", self.url("fm/"), "out/")
        self.assert_file(self.folder / "out/a", b"a")
        for command in (["cp", self.url("f/x"), "."], ["rm", self.url("f/x")], ["stat", self.url("f/x")]):
            self.put("f/x/y", b"a")
            self.assert_fails(self.run_sjcp(*command), NOT_FOUND, "prefix")

    def test_headers_that_go_nowhere_are_told_of(self):
        self.put("key", b"a")
        self.assertIn("--header", self.sjcp("cp", "--header", "x: y", self.url("key"), "out").stderr)


class LinksTest(VerdictsTest):
    ACCESS = "juzlwaj7ovnst5gtkv2km3rkriha"

    def test_a_shared_link_is_the_object(self):
        page, data = b"<html>the page</html>", b"<html>an object that is HTML</html>"

        def behave(request):
            raw = request.path.startswith(f"/raw/{self.ACCESS}/bucket/")
            return unruly.serve(request, data if raw else page)

        web = self.server(behave)
        self.sjcp("cp", web.url(f"s/{self.ACCESS}/bucket/dir/key.html"), "out/")
        self.assert_file(self.folder / "out/key.html", data)
        (self.folder / "list").write_text(web.url(f"s/{self.ACCESS}/bucket/listed") + "\n")
        self.sjcp("cp", "-i", "list", "out")
        self.assert_file(self.folder / "out/listed", data)
        self.sjcp("cp", web.url("s/other"), "out/")
        self.assert_file(self.folder / "out/other", page)
        self.assert_fails(self.run_sjcp("cp", web.url(f"s/{self.ACCESS}/bucket/dir/"), "out"), USAGE, "folder")

    def test_a_refusal_speaks_of_expired_links_only_for_links_that_expire(self):
        web = self.server(lambda request: Reply(403))
        self.assertNotIn("expired", self.run_sjcp("cp", web.url("x"), "out").stderr)
        self.assertIn("expired", self.run_sjcp("cp", web.url("x?X-Amz-Signature=abc"), "out").stderr)


if __name__ == "__main__":
    harness.main()
