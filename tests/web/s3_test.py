"""sjcp and boto3 on the same S3 server."""

import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import harness
from gateway import Gateway, KEY
from unruly import Reply, Unruly

NOT_FOUND, DENIED, INTEGRITY, CONFLICT, USAGE = 3, 4, 6, 9, 2
# What goes in one request at most; parts of larger objects are half of that.
PART = 16 << 20

KEYS = [
    "plain", "with blank", "plus+sign", "a+b c", "100%", "%41", "q?x=1", "h#ash", "\u00fcml\u00e4ut/\u65e5\u672c", "e\u0301nfd",
    "amp&=$@;:,!*'()", "[]{}|^`", "quote\"'", "<tag>", "back\\slash", "~tilde._-", "dots...", "deep/er/key",
]


class Withheld:
    """Passes everything on to a port, but no answer to what begins an upload while `withholds`."""

    def __init__(self, port):
        self.port = port
        self.withholds = True
        self.answered = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            begins = threading.Event()
            for target in (lambda n=near, f=far, b=begins: self.pump(n, f, b, True),
                           lambda n=near, f=far, b=begins: self.pump(f, n, b, False)):
                threading.Thread(target=target, daemon=True).start()

    def pump(self, source, sink, begins, asks):
        try:
            while data := source.recv(1 << 16):
                if asks and b"?uploads" in data:
                    begins.set()
                if not asks and begins.is_set() and self.withholds:
                    self.answered.set()
                    continue
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


class S3Test(harness.WebTest):
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
        self.seen = len(self.gateway.requests())

    def environment(self, **more):
        return super().environment(**{**self.gateway.environment(), **more})

    def url(self, key=""):
        return f"s3://{self.bucket}/{key}"

    def object(self, key):
        return self.boto.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def requests(self, at_least=0):
        """For objects, in this test.  The server writes its log after it has answered."""
        end = time.monotonic() + harness.TIMEOUT
        while True:
            found = [line for line in self.gateway.requests()[self.seen:] if line[2].startswith(f"/{self.bucket}/")]
            if len(found) >= at_least or time.monotonic() > end:
                return found
            time.sleep(0.01)

    def test_objects_of_all_sizes_go_both_ways(self):
        for size in (0, 1, 4096, 262144, 262145, PART, PART + 1, 3 * PART + 5):
            with self.subTest(size=size):
                data = harness.some_bytes(size, size)
                self.sjcp("cp", self.file("up", data), self.url("by-sjcp"))
                self.assertEqual(harness.sha256(self.object("by-sjcp")), harness.sha256(data))
                self.boto.put_object(Bucket=self.bucket, Key="by-boto", Body=data)
                self.sjcp("cp", self.url("by-boto"), "down")
                self.assert_file(self.folder / "down", data)
                self.sjcp("cp", self.url("by-sjcp"), "again")
                self.assert_file(self.folder / "again", data)

    def test_an_object_of_many_parts_by_boto_is_read(self):
        data = harness.some_bytes(40 << 20)
        self.boto.upload_file(str(self.file("up", data)), self.bucket, "parts")
        self.sjcp("cp", self.url("parts"), "down")
        self.assert_file(self.folder / "down", data)

    def test_keys_with_every_kind_of_character_mean_the_same_to_both(self):
        for number, key in enumerate(KEYS):
            with self.subTest(key=key):
                data = f"{number}".encode()
                self.sjcp("cp", self.file("up", data), self.url(key))
                self.assertEqual(self.object(key), data)
                self.boto.put_object(Bucket=self.bucket, Key=key, Body=data + b"!")
                self.sjcp("cp", self.url(key), "down")
                self.assert_file(self.folder / "down", data + b"!")
        listed = self.sjcp("ls", "--recursive", self.url()).stdout
        for key in KEYS:
            self.assertIn(key, listed)
        for key in KEYS:
            self.sjcp("rm", self.url(key))
        self.assertNotIn("Contents", self.boto.list_objects_v2(Bucket=self.bucket))

    def test_stdin_becomes_an_object(self):
        data = harness.some_bytes(PART + 77)
        done = subprocess.run([harness.sjcp_program(), "cp", "-", self.url("piped")], input=data, timeout=harness.TIMEOUT,
                              env=self.environment(), cwd=self.folder, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(harness.sha256(self.object("piped")), harness.sha256(data))

    def test_a_range_is_just_that(self):
        data = harness.some_bytes(1 << 20)
        self.boto.put_object(Bucket=self.bucket, Key="k", Body=data)
        self.sjcp("cp", "--range", "bytes=1000-500000", self.url("k"), "part")
        self.assert_file(self.folder / "part", data[1000:500001])

    def test_the_service_stores_the_checksum_of_the_whole_object(self):
        for name, data in (("small", b"123456789"), ("large", harness.some_bytes(PART + 9))):
            self.sjcp("cp", self.file(name, data), self.url(name))
            head = self.boto.head_object(Bucket=self.bucket, Key=name, ChecksumMode="ENABLED")
            self.assertEqual(head["ChecksumType"], "FULL_OBJECT")
            if name == "small":
                self.assertEqual(head["ChecksumCRC32C"], "4waSgw==")

    def test_an_object_damaged_in_the_service_is_not_delivered(self):
        for size in (4096, PART + 9):
            with self.subTest(size=size):
                data = harness.some_bytes(size)
                self.sjcp("cp", self.file("up", data), self.url("k"))
                stored = self.gateway.root / self.bucket / "k"
                with open(stored, "r+b") as file:
                    file.seek(size // 2)
                    file.write(b"damaged")
                self.file("down", b"old")
                self.assert_fails(self.run_sjcp("cp", self.url("k"), "down"), INTEGRITY, "s3://")
                self.assert_file(self.folder / "down", b"old")

    def test_an_object_damaged_in_the_service_is_not_delivered_by_way_of_a_listing(self):
        for size in (4096, 900_000, 5 << 20):
            with self.subTest(size=size):
                self.sjcp("cp", self.file("up", harness.some_bytes(size)), self.url("k"))
                with open(self.gateway.root / self.bucket / "k", "r+b") as file:
                    file.seek(size // 2)
                    file.write(b"damaged")
                self.file("listed/k", b"old")
                self.assert_fails(self.run_sjcp("cp", "-r", self.url(), "listed/"), INTEGRITY, self.url("k"), "crc32c")
                self.assert_file(self.folder / "listed/k", b"old")

    def test_small_objects_take_one_request_each(self):
        for number in range(30):
            self.file(f"in/{number:02}", harness.some_bytes(4096, number))
        self.sjcp("cp", "-r", "in/", self.url("p/"))
        puts = self.requests(30)
        self.assertEqual([operation for _, operation, _ in puts], ["PutObject"] * 30)
        self.seen = len(self.gateway.requests())
        self.sjcp("cp", "-r", self.url("p/"), "out/")
        self.assertEqual([operation for _, operation, _ in self.requests(30)], ["GetObject"] * 30)
        for number in range(30):
            self.assert_file(self.folder / f"out/{number:02}", harness.some_bytes(4096, number))

    def test_nothing_is_asked_of_what_a_listing_has_told(self):
        data = harness.some_bytes(300_000)
        for number in range(5):
            self.boto.put_object(Bucket=self.bucket, Key=f"{number}", Body=data)
        self.seen = len(self.gateway.requests())
        self.sjcp("cp", "-r", "-p", "1", self.url(), "out/")
        for number in range(5):
            self.assert_file(self.folder / f"out/{number}", data)
        self.assertEqual([operation for _, operation, _ in self.requests(5)], ["GetObject"] * 5)

    def test_lists_of_many_pages_are_whole_and_what_they_name_can_be_deleted(self):
        folder = self.gateway.root / self.bucket / "many"
        folder.mkdir()
        for number in range(2500):
            (folder / f"{number:04}").touch()
        listed = self.sjcp("ls", "--recursive", self.url()).stdout
        self.assertEqual(listed.count("many/"), 2500)
        self.assertEqual(self.sjcp("ls", self.url()).stdout.count("many/"), 1)
        self.sjcp("rm", "-r", self.url("many/"))
        self.assertNotIn("Contents", self.boto.list_objects_v2(Bucket=self.bucket))
        self.assertEqual(self.requests(), [], "each was deleted by itself")

    def test_an_upload_that_was_killed_goes_on_where_it_was(self):
        data = harness.some_bytes(9 * PART + 5)
        path = self.file("up", data)
        process = self.start("cp", "--limit-rate", "60M", "-p", "1", path, self.url("k"))
        end = time.monotonic() + harness.TIMEOUT
        stored = 0
        while stored < 2 and time.monotonic() < end and process.poll() is None:
            uploads = self.boto.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
            if uploads:
                stored = len(self.boto.list_parts(Bucket=self.bucket, Key="k", UploadId=uploads[0]["UploadId"])
                             .get("Parts", []))
            time.sleep(0.02)
        process.kill()
        process.wait()
        self.assertGreaterEqual(stored, 2)
        self.sjcp("cp", path, self.url("k"))
        self.assertEqual(harness.sha256(self.object("k")), harness.sha256(data))
        parts = [path for _, operation, path in self.requests(20) if operation == "UploadPart"]
        self.assertLessEqual(len(parts), 20, "of both runs, with one that was under way")
        self.assertEqual(self.boto.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []), [])

    def test_wrong_and_missing_credentials_are_told_apart_from_missing_things(self):
        self.boto.put_object(Bucket=self.bucket, Key="k", Body=b"x")
        wrong = {"AWS_SECRET_ACCESS_KEY": "WRONGSECRET"}
        outcome = self.run_sjcp("cp", self.url("k"), "down", environment=wrong)
        self.assert_fails(outcome, DENIED, self.url("k"))
        self.assertNotIn("WRONGSECRET", outcome.stderr)
        unknown = {"AWS_ACCESS_KEY_ID": "UNKNOWNKEY"}
        self.assert_fails(self.run_sjcp("cp", self.url("k"), "down", environment=unknown), DENIED)
        none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        self.assert_fails(self.run_sjcp("cp", self.url("k"), "down", environment=none), DENIED, "AWS_ACCESS_KEY_ID")
        self.assert_fails(self.run_sjcp("cp", "--no-sign-request", self.url("k"), "down"), DENIED)
        self.assert_fails(self.run_sjcp("cp", self.url("nothing"), "down"), NOT_FOUND, "object not found")
        self.assert_fails(self.run_sjcp("cp", "s3://no-such-bucket/k", "down"), NOT_FOUND, "bucket not found")
        self.assert_fails(self.run_sjcp("ls", "s3://no-such-bucket"), NOT_FOUND)
        self.assert_fails(self.run_sjcp("cp", "s3://B/k", "down"), USAGE)
        self.assertFalse((self.folder / "down").exists())

    def test_keys_come_from_a_profile_of_the_shared_files(self):
        self.boto.put_object(Bucket=self.bucket, Key="k", Body=b"x")
        aws = self.home / ".aws"
        aws.mkdir()
        (aws / "config").write_text(f"[profile p]\nendpoint_url = {self.gateway.url}\nregion = us-east-1\n")
        (aws / "credentials").write_text(f"[p]\naws_access_key_id = {KEY}\naws_secret_access_key = testsecret\n")
        none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL": ""}
        self.sjcp("cp", "--profile", "p", self.url("k"), "down", environment=none)
        self.assert_file(self.folder / "down", b"x")
        self.assert_fails(self.run_sjcp("ls", "--profile", "missing", self.url()), USAGE, "missing")

    def test_buckets_are_listed(self):
        self.assertIn(self.bucket, self.sjcp("ls", "s3://").stdout)

    def test_a_bucket_must_be_empty_to_go_unless_forced(self):
        self.sjcp("mb", "s3://forced")
        self.boto.put_object(Bucket="forced", Key="k", Body=b"x")
        self.boto.create_multipart_upload(Bucket="forced", Key="pending")
        self.assert_fails(self.run_sjcp("rb", "s3://forced"), CONFLICT, "--force")
        self.assert_fails(self.run_sjcp("mb", "s3://forced"), CONFLICT)
        self.sjcp("rb", "--force", "s3://forced")
        self.assertNotIn("forced", [b["Name"] for b in self.boto.list_buckets()["Buckets"]])

    def test_a_presigned_url_works_for_anybody(self):
        data = harness.some_bytes(1000)
        key = "a b+c/\u00fc%.txt"
        self.boto.put_object(Bucket=self.bucket, Key=key, Body=data)
        url = self.sjcp("presign", "--expires", "10m", self.url(key)).stdout.strip()
        with urllib.request.urlopen(url, timeout=harness.TIMEOUT) as reply:
            self.assertEqual(reply.read(), data)
        self.sjcp("cp", url, "down", environment={"AWS_ACCESS_KEY_ID": ""})
        self.assert_file(self.folder / "down", data)
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(url.replace("X-Amz-Expires=600", "X-Amz-Expires=601"), timeout=harness.TIMEOUT)

    def test_metadata_is_stored_and_told(self):
        self.sjcp("cp", "--metadata", '{"mine": "v", "content-type": "text/plain"}', self.file("f", b"x"), self.url("k"))
        head = self.boto.head_object(Bucket=self.bucket, Key="k")
        self.assertEqual(head["Metadata"], {"mine": "v"})
        self.assertEqual(head["ContentType"], "text/plain")
        self.assertIn("mine", self.sjcp("stat", self.url("k")).stdout)

    def test_copies_within_the_service_move_no_bytes_through_here(self):
        data = harness.some_bytes(PART + 3)
        key = "from a+b"
        self.boto.put_object(Bucket=self.bucket, Key=key, Body=data)
        self.sjcp("cp", self.url(key), self.url("to c%d"))
        self.assertEqual(harness.sha256(self.object("to c%d")), harness.sha256(data))
        self.assertEqual([operation for _, operation, _ in self.requests(4)],
                         ["PutObject", "HeadObject", "CopyObject", "GetObject"])


    def test_a_large_object_is_copied_within_the_service_in_parts(self):
        (self.home / ".aws").mkdir()
        (self.home / ".aws" / "config").write_text(
            "[default]\ns3 =\n  multipart_threshold = 8MB\n  multipart_chunksize = 6MB\n")
        data = harness.some_bytes((20 << 20) + 7)
        self.sjcp("cp", "--metadata", '{"mine": "v"}', self.file("up", data), self.url("from a+b"))
        self.seen = len(self.gateway.requests())
        self.sjcp("cp", self.url("from a+b"), self.url("to c%d"))
        self.assertEqual(harness.sha256(self.object("to c%d")), harness.sha256(data))
        self.assertEqual(self.boto.head_object(Bucket=self.bucket, Key="to c%d")["Metadata"], {"mine": "v"})
        operations = [operation for _, operation, _ in self.requests(9)]
        self.assertEqual(operations.count("UploadPartCopy"), 4)
        self.assertNotIn("CopyObject", operations)
        self.assertEqual(self.boto.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []), [])


    def test_what_a_killed_run_had_begun_is_removed_by_the_next_of_any_command(self):
        process = subprocess.Popen([harness.sjcp_program(), "cp", "-", self.url("piped")], stdin=subprocess.PIPE,
                                   env=self.environment(), cwd=self.folder, stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        process.stdin.write(harness.some_bytes(3 * PART))
        process.stdin.flush()
        end = time.monotonic() + harness.TIMEOUT
        notes = self.home / ".state/sjcp"
        while time.monotonic() < end and not [path for path in notes.rglob("*.begun") if path.stat().st_size]:
            time.sleep(0.02)
        process.kill()
        process.wait()
        process.stdin.close()
        self.assertEqual(len(self.boto.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])), 1)
        self.sjcp("ls", self.url())
        self.assertEqual(self.boto.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []), [])
        self.assertEqual(list(notes.rglob("*.begun")), [])

    def test_an_upload_whose_name_a_killed_run_never_heard_is_removed_and_no_other(self):
        way = Withheld(self.gateway.port)
        self.addCleanup(way.close)
        through = {"AWS_ENDPOINT_URL": way.url}
        path = self.file("up", harness.some_bytes(3 * PART))
        process = subprocess.Popen([harness.sjcp_program(), "cp", path, self.url("k")],
                                   env=self.environment(**through), cwd=self.folder, stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        self.assertTrue(way.answered.wait(harness.TIMEOUT))
        process.kill()
        process.wait()
        way.withholds = False
        others = self.boto.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
        self.boto.upload_part(Bucket=self.bucket, Key="k", UploadId=others, PartNumber=1, Body=b"x")
        beside = self.boto.create_multipart_upload(Bucket=self.bucket, Key="kk")["UploadId"]
        self.assertEqual(len(self.pending()), 3)
        self.sjcp("ls", self.url(), environment=through)
        self.assertEqual(sorted(self.pending()), sorted([("k", others), ("kk", beside)]))
        self.assertEqual(list((self.home / ".state/sjcp").rglob("*.begun")), [])

    def pending(self):
        found = self.boto.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return [(upload["Key"], upload["UploadId"]) for upload in found]

    def test_unfinished_uploads_are_listed_and_removed_by_key_and_by_prefix(self):
        for key in ("a/1", "a/2", "a/2", "ab", "b/1"):
            self.boto.create_multipart_upload(Bucket=self.bucket, Key=key)
        listed = self.sjcp("ls", "-r", "--pending", self.url("a/")).stdout
        self.assertEqual([listed.count(key) for key in ("a/1", "a/2", "ab", "b/1")], [1, 2, 0, 0], listed)
        self.sjcp("rm", "--pending", self.url("a/2"))
        self.assertEqual(sorted(key for key, _ in self.pending()), ["a/1", "ab", "b/1"])
        self.sjcp("rm", "-r", "--pending", self.url("a/"))
        self.assertEqual(sorted(key for key, _ in self.pending()), ["ab", "b/1"])
        self.assertEqual(self.boto.list_objects_v2(Bucket=self.bucket)["KeyCount"], 0)

    def test_metadata_becomes_no_header_of_its_own(self):
        for metadata in ('{"nl":"a\\r\\nx-amz-acl: public-read"}', '{"a b":"v"}', '{"nul":"a\\u0000b"}'):
            with self.subTest(metadata=metadata):
                outcome = self.run_sjcp("cp", "--metadata", metadata, self.file("f", b"x"), self.url("k"))
                self.assert_fails(outcome, USAGE, "metadata")
                self.file("tree/a", b"x")
                self.file("tree/b", b"x")
                self.assert_fails(self.run_sjcp("cp", "-r", "--metadata", metadata, "tree/", self.url("t/")), USAGE)
        self.assertEqual(self.requests(), [])


class VirtualHostTest(harness.WebTest):
    def test_buckets_are_hosts_on_request(self):
        domain = "s3.localhost"
        gateway = Gateway(self.folder / "gateway", domain=domain)
        self.addCleanup(gateway.stop)
        (self.home / ".aws").mkdir()
        (self.home / ".aws" / "config").write_text("[default]\ns3 =\n  addressing_style = virtual\n")
        environment = gateway.environment(AWS_ENDPOINT_URL=f"http://{domain}:{gateway.port}")
        self.sjcp("mb", "s3://hosted", environment=environment)
        data = harness.some_bytes((33 << 20) + 1)
        (self.folder / "up").write_bytes(data)
        for key in ("plain", "with blank+plus/\u00fc%.txt"):
            self.sjcp("cp", "up", f"s3://hosted/{key}", environment=environment)
            self.sjcp("cp", f"s3://hosted/{key}", "down", environment=environment)
            self.assert_file(self.folder / "down", data)
            self.assertIn(key, self.sjcp("ls", "-r", "s3://hosted", environment=environment).stdout)
        paths = {path for _, _, path in gateway.requests()}
        self.assertFalse([path for path in paths if path.startswith("/hosted")], "the bucket is in the host alone")


class BusyTest(harness.WebTest):
    """A service that takes only a few requests at a time."""

    def test_half_as_many_requests_go_on_where_the_service_asks_for_fewer(self):
        names = [f"{number:03}" for number in range(120)]
        listing = "".join(f"<Contents><Key>{name}</Key><Size>3</Size><ETag>&quot;e&quot;</ETag></Contents>"
                          for name in names)

        # Long enough for all that are sent together to meet there.
        def behave(request):
            if "list-type" in request.path:
                return Reply(body=f"<ListBucketResult>{listing}</ListBucketResult>".encode())
            return Reply(headers={"ETag": '"e"'}, body=request.path[-3:].encode(), delay=0.05)

        server = Unruly(behave, most=6, refusal=Reply(503, body=b"<Error><Code>SlowDown</Code></Error>", delay=0.05))
        self.addCleanup(server.stop)
        done = self.sjcp("cp", "-r", "-t", "48", "s3://bkt/", "out/", environment={
            "AWS_ENDPOINT_URL": server.url("").rstrip("/"), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_EC2_METADATA_DISABLED": "true"})
        for name in names:
            self.assert_file(self.folder / "out" / name, name.encode())
        self.assertIn("asks for fewer requests; ", done.stderr)
        self.assertLess(server.refused, 90, "as many go on as before")


class BrokenReplyTest(harness.WebTest):
    def test_a_small_object_that_ends_early_is_asked_for_again(self):
        data = harness.some_bytes(11_713)

        def behave(request):
            broken = {"cut": 5000, "reset": request.number == 0} if request.number < 3 else {}
            return Reply(headers={"ETag": '"e"'}, body=data, **broken)

        server = Unruly(behave)
        self.addCleanup(server.stop)
        keys = {"AWS_ENDPOINT_URL": server.url("").rstrip("/"), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
                "AWS_EC2_METADATA_DISABLED": "true"}
        self.sjcp("cp", "s3://bkt/k", "down", environment=keys)
        self.assert_file(self.folder / "down", data)
        self.assertEqual(len(server.requests), 4)


class ListingTest(harness.WebTest):
    def test_pages_come_over_one_connection_that_no_object_is_read_over_meanwhile(self):
        pages, size = 5, 20

        def behave(request):
            if "list-type" not in request.path:
                # A page is there before the objects of the one before it have been read.
                return Reply(headers={"ETag": '"e"'}, body=request.path[-3:].encode(), delay=0.02)
            found = re.search(r"continuation-token=(\d+)", request.path)
            page = int(found[1]) if found else 0
            body = "".join(f"<Contents><Key>{page * size + n:03}</Key><Size>3</Size><ETag>&quot;e&quot;</ETag></Contents>"
                           for n in range(size))
            if page + 1 < pages:
                body += f"<NextContinuationToken>{page + 1}</NextContinuationToken><IsTruncated>true</IsTruncated>"
            return Reply(body=f"<ListBucketResult>{body}</ListBucketResult>".encode())

        server = Unruly(behave)
        self.addCleanup(server.stop)
        self.sjcp("cp", "-r", "-t", "4", "s3://bkt/", "out/", environment={
            "AWS_ENDPOINT_URL": server.url("").rstrip("/"), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_EC2_METADATA_DISABLED": "true"})
        for number in range(pages * size):
            self.assert_file(self.folder / "out" / f"{number:03}", f"{number:03}".encode())
        lists = [request for request in server.requests if "list-type" in request.path]
        self.assertEqual(len(lists), pages)
        connections = {request.connection for request in lists}
        self.assertEqual(len(connections), 1)
        others = [request for request in server.requests[:server.requests.index(lists[-1])] if request not in lists]
        self.assertFalse([request for request in others if request.connection in connections])
        sizes = [int(re.search(r"max-keys=(\d+)", request.path)[1]) for request in lists]
        self.assertEqual(sizes, [512, 1000, 1000, 1000, 1000])


class StrangeServiceTest(harness.WebTest):
    """What answers like a service, or does not."""

    def serve(self, behave):
        server = Unruly(behave)
        self.addCleanup(server.stop)
        self.service = {"AWS_ENDPOINT_URL": server.url("").rstrip("/"), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
                        "AWS_EC2_METADATA_DISABLED": "true"}
        return server

    def test_objects_whose_size_is_told_with_blanks_or_not_at_all_arrive_and_others_are_an_error(self):
        for size, code in (("<Size> 3</Size>", 0), ("<Size>\n3\n</Size>", 0), ("", 0), ("<Size>3 B</Size>", 5)):
            with self.subTest(size=size):
                def behave(request, size=size):
                    if "list-type" in request.path:
                        return Reply(body=f"<ListBucketResult><Contents><Key>k</Key>{size}</Contents></ListBucketResult>"
                                     .encode())
                    return Reply(headers={"ETag": '"e"'}, body=b"abc")

                self.serve(behave)
                outcome = self.run_sjcp("cp", "-r", "s3://bkt/", f"out{len(size)}/", environment=self.service)
                self.assertEqual(outcome.code, code, outcome)
                if code == 0:
                    self.assert_file(self.folder / f"out{len(size)}/k", b"abc")

    def test_a_login_page_is_no_success(self):
        server = self.serve(lambda request: Reply(headers={"Content-Type": "text/html"}, body=b"<html>sign in</html>"))
        (self.folder / "f").write_bytes(b"12345")
        for command in (("cp", "f", "s3://bkt/k"), ("rm", "s3://bkt/k"), ("mb", "s3://bkt"), ("rb", "s3://bkt"),
                        ("ls", "s3://bkt"), ("cp", "s3://bkt/a", "s3://bkt/b"), ("rm", "-r", "s3://bkt/p/")):
            with self.subTest(command=command):
                self.assert_fails(self.run_sjcp(*command, environment=self.service), 5, "s3://bkt")
        self.assertGreater(len(server.requests), 6)

    def test_a_page_of_megabytes_without_objects_ends_soon(self):
        self.serve(lambda request: Reply(body=b"<ListBucketResult>" + b"<Other>x</Other>" * (60 << 16)))
        began = time.monotonic()
        self.assert_fails(self.run_sjcp("cp", "-r", "s3://bkt/", "out/", environment=self.service), 5, "too long")
        self.assertLess(time.monotonic() - began, 20)

    def test_certificates_are_trusted_as_boto_trusts_them(self):
        gateway = Gateway(self.folder / "gateway", authority=self.authority)
        self.addCleanup(gateway.stop)
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            self.sjcp("ls", "s3://", environment=gateway.environment(**{name: self.authority.ca}))
            self.assert_fails(self.run_sjcp("ls", "s3://", environment=gateway.environment(**{name: "/no/such"})), 7, name,
                              "/no/such")
        (self.home / ".aws").mkdir()
        (self.home / ".aws/config").write_text(f"[default]\nca_bundle = {self.authority.ca}\n")
        self.sjcp("ls", "s3://", environment=gateway.environment(REQUESTS_CA_BUNDLE="/no/such"))
        (self.home / ".aws/config").write_text("[default]\n")
        self.assert_fails(self.run_sjcp("ls", "s3://", environment=gateway.environment()), INTEGRITY, "--cacert")

    def test_who_pays_says_so(self):
        server = self.serve(lambda request: Reply(headers={"ETag": '"e"'}, body=b"abc"))
        self.sjcp("cp", "--request-payer", "requester", "s3://bkt/k", "out", environment=self.service)
        self.assertEqual(server.requests[0].headers.get("x-amz-request-payer"), "requester")
        url = self.sjcp("presign", "--request-payer", "requester", "s3://bkt/k", environment=self.service).stdout
        self.assertIn("x-amz-request-payer=requester", url)

    def test_a_redirect_to_another_host_is_told_and_not_followed(self):
        other = Unruly(lambda request: Reply(body=b"abc"))
        self.addCleanup(other.stop)
        for status in (301, 307):
            self.serve(lambda request, status=status: Reply(status, {"Location": other.url("bkt/k")}))
            self.assert_fails(self.run_sjcp("cp", "s3://bkt/k", "out", environment=self.service), USAGE, str(other.port),
                              "--endpoint-url")
        self.assertEqual(other.requests, [])


class RegionTest(harness.WebTest):
    def test_a_bucket_of_another_region_is_found(self):
        gateway = Gateway(self.folder / "gateway", region="eu-west-3", authority=self.authority)
        self.addCleanup(gateway.stop)
        environment = gateway.environment(AWS_REGION="us-east-1")
        ca = ("--cacert", self.authority.ca)
        self.sjcp("mb", *ca, "s3://elsewhere", environment=environment)
        data = harness.some_bytes(20 << 20)
        (self.folder / "up").write_bytes(data)
        self.sjcp("cp", *ca, "up", "s3://elsewhere/k", environment=environment)
        self.sjcp("cp", *ca, "s3://elsewhere/k", "down", environment=environment)
        self.assert_file(self.folder / "down", data)
        self.sjcp("stat", *ca, "s3://elsewhere/k", environment=environment)
        self.assert_fails(self.run_sjcp("stat", "s3://elsewhere/k", environment=environment), INTEGRITY, "--cacert")


if __name__ == "__main__":
    harness.main()
