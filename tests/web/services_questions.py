"""One set of questions to S3 services, which differ in what they can and in how they say it: mixed into a WebTest."""

import subprocess
import time

import harness
from services import SERVICES

PART = 8 << 20

KEYS = ["plain", "with blank", "plus+sign", "100%", "%41", "q?x=1&y", "h#ash", "\u00fcml\u00e4ut/\u65e5\u672c", "amp&=$@;:,!*'()",
        "quote\"'", "<tag>", "~tilde._-", "deep/er/key"]


class Questions:
    """name: the row of SERVICES."""

    name = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.can = SERVICES[cls.name]
        cls.service = cls.can.start(cls.class_folder / "service")
        cls.addClassCleanup(cls.service.stop)
        cls.boto = cls.service.client()

    def setUp(self):
        super().setUp()
        self.bucket = "b" + harness.sha256(self.id().encode())[:16]
        self.sjcp("mb", f"s3://{self.bucket}")

    def environment(self, **more):
        return super().environment(**{**self.service.environment(), **more})

    def url(self, key=""):
        return f"s3://{self.bucket}/{key}"

    def object(self, key):
        return self.boto.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self, count):
        """Of all objects, once there are so many."""
        end = time.monotonic() + (harness.TIMEOUT if self.can.settles else 0)
        while True:
            pages = self.boto.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
            found = [item["Key"] for page in pages for item in page.get("Contents", [])]
            if len(found) == count or time.monotonic() > end:
                return sorted(found)
            time.sleep(0.1)

    def uploads(self):
        try:
            return self.boto.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        except self.boto.exceptions.NoSuchUpload:
            return []

    def test_objects_of_all_sizes_go_both_ways(self):
        for size in (0, 1, 4096, 300_000, 2 * PART, 2 * PART + 1, 5 * PART + 5):
            with self.subTest(size=size):
                data = harness.some_bytes(size, size)
                self.sjcp("cp", self.file("up", data), self.url("by-sjcp"))
                self.assertEqual(harness.sha256(self.object("by-sjcp")), harness.sha256(data))
                self.sjcp("cp", self.url("by-sjcp"), "down")
                self.assert_file(self.folder / "down", data)
        self.assertEqual(self.uploads(), [])

    def test_what_boto_stores_in_parts_is_read(self):
        data = harness.some_bytes(40 << 20)
        self.boto.upload_file(str(self.file("up", data)), self.bucket, "parts")
        self.sjcp("cp", self.url("parts"), "down")
        self.assert_file(self.folder / "down", data)
        self.sjcp("cp", "-r", self.url(), "listed/")
        self.assert_file(self.folder / "listed/parts", data)

    def test_stdin_becomes_an_object(self):
        data = harness.some_bytes(5 * PART + 77)
        done = subprocess.run([harness.sjcp_program(), "cp", "-", self.url("piped")], input=data, timeout=harness.TIMEOUT,
                              env=self.environment(), cwd=self.folder, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(harness.sha256(self.object("piped")), harness.sha256(data))

    def test_a_range_is_just_that(self):
        data = harness.some_bytes(1 << 20)
        self.boto.put_object(Bucket=self.bucket, Key="k", Body=data)
        self.sjcp("cp", "--range", "bytes=1000-500000", self.url("k"), "part")
        self.assert_file(self.folder / "part", data[1000:500001])

    def test_a_tree_goes_there_and_back_and_is_deleted(self):
        for number in range(60):
            self.file(f"in/{number % 7}/{number:02}", harness.some_bytes(100 * number, number))
        self.sjcp("cp", "-r", "in/", self.url("p/"))
        self.assertEqual(len(self.keys(60)), 60)
        self.sjcp("cp", "-r", self.url("p/"), "out/")
        for number in range(60):
            self.assert_file(self.folder / f"out/{number % 7}/{number:02}", harness.some_bytes(100 * number, number))
        top = self.sjcp("ls", self.url("p/")).stdout
        self.assertEqual(len(top.split("PRE")) - 1, 7, top)
        self.sjcp("rm", "-r", self.url("p/"))
        self.assertEqual(self.keys(0), [])

    def test_keys_mean_the_same_to_both(self):
        for number, key in enumerate(KEYS):
            with self.subTest(key=key):
                self.sjcp("cp", self.file("up", f"{number}".encode()), self.url(key))
                self.assertEqual(self.object(key), f"{number}".encode())
                self.sjcp("cp", self.url(key), "down")
                self.assert_file(self.folder / "down", f"{number}".encode())
        listed = self.sjcp("ls", "--recursive", "--json", self.url())
        self.assertEqual(sorted(event["key"] for event in listed.events), sorted(KEYS))
        self.sjcp("rm", "-r", self.url())
        self.assertEqual(self.keys(0), [])

    def test_keys_with_control_characters_do_not_spoil_the_others(self):
        if not self.can.control_keys:
            self.skipTest("the service has no such keys")
        for key in ("a", "c\x01d", "z"):
            self.boto.put_object(Bucket=self.bucket, Key=key, Body=b"x")
        self.sjcp("rb", "--force", f"s3://{self.bucket}")
        self.assertNotIn(self.bucket, self.sjcp("ls", "s3://").stdout)

    def test_metadata_is_stored_and_copied_within_the_service(self):
        self.sjcp("cp", "--metadata", '{"mine": "v"}', self.file("f", b"some text"), self.url("k"))
        self.sjcp("cp", self.url("k"), self.url("to c%d"))
        self.assertEqual(self.object("to c%d"), b"some text")
        if self.can.metadata:
            for key in ("k", "to c%d"):
                self.assertEqual(self.boto.head_object(Bucket=self.bucket, Key=key)["Metadata"], {"mine": "v"})

    def test_what_is_missing_is_not_found(self):
        self.assert_fails(self.run_sjcp("cp", self.url("nothing"), "down"), 3, "object not found")
        self.assert_fails(self.run_sjcp("stat", self.url("nothing")), 3)
        self.assert_fails(self.run_sjcp("ls", "s3://no-such-bucket-here"), 3)
        self.assertFalse((self.folder / "down").exists())
        if self.can.signatures:
            wrong = {"AWS_SECRET_ACCESS_KEY": "wrong"}
            self.assert_fails(self.run_sjcp("cp", self.url("k"), "down", environment=wrong), 4)

    def test_an_upload_that_was_killed_is_there_after_the_next_run_and_leaves_nothing(self):
        data = harness.some_bytes(9 * PART + 5)
        path = self.file("up", data)
        process = self.start("cp", "--limit-rate", "30M", "-p", "1", path, self.url("k"))
        end = time.monotonic() + harness.TIMEOUT
        while not self.uploads() and time.monotonic() < end and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        process.wait()
        self.sjcp("cp", path, self.url("k"))
        self.assertEqual(harness.sha256(self.object("k")), harness.sha256(data))
        self.assertEqual(self.uploads(), [])
