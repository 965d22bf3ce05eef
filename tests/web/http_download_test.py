"""Downloads over HTTP(S) from nginx."""

import os

import harness


class NginxTest(harness.WebTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.class_folder / "root"
        cls.root.mkdir()
        cls.data = harness.some_bytes(40_000_003)
        (cls.root / "big.bin").write_bytes(cls.data)
        (cls.root / "small.txt").write_bytes(b"hello")
        (cls.root / "empty").write_bytes(b"")
        odd = cls.root / "a b+c%d ü"
        odd.write_bytes(b"odd")
        cls.http2_port = harness.free_port()
        cls.nginx = harness.Nginx(cls.class_folder / "nginx", cls.root, cls.authority, """
            location = /named { alias %s/small.txt; add_header Content-Disposition
              'attachment; filename="../../x.txt"; filename*=UTF-8\\'\\'na%%C3%%AFve.txt'; }
            location = /private { auth_basic "x"; auth_basic_user_file %s/users; alias %s/small.txt; }
            location = /forbidden { return 403; }
            listen 127.0.0.1:%d ssl http2;
            location = /moved { return 302 /small.txt; }
        """ % (cls.root, cls.class_folder, cls.root, cls.http2_port))
        cls.addClassCleanup(cls.nginx.stop)
        (cls.class_folder / "users").write_text("me:{PLAIN}secret\n")

    def test_large_file_over_http_and_https_with_one_and_many_connections(self):
        for tls in (False, True):
            for parallel in (1, 4, 16):
                with self.subTest(tls=tls, parallel=parallel):
                    out = self.folder / f"out-{tls}-{parallel}"
                    self.sjcp("cp", "-p", parallel, "--cacert", self.authority.ca, self.nginx.url("big.bin", tls), out)
                    self.assert_file(out, self.data)

    def test_a_server_that_speaks_http2_is_asked_over_several_connections(self):
        url = f"https://localhost:{self.http2_port}/big.bin"
        before = self.nginx.log.read_text().count("big.bin")
        self.sjcp("cp", "-p", 4, "--cacert", self.authority.ca, url, self.folder / "out")
        self.assert_file(self.folder / "out", self.data)
        asked = [line for line in self.nginx.log.read_text().splitlines() if "big.bin" in line][before:]
        self.assertGreaterEqual(len(asked), 4)
        self.assertEqual([line for line in asked if "HTTP/1.1" not in line], [])

    def test_small_and_empty_files(self):
        for name, data in (("small.txt", b"hello"), ("empty", b"")):
            with self.subTest(name=name):
                self.sjcp("cp", self.nginx.url(name), self.folder / name)
                self.assert_file(self.folder / name, data)

    def test_parts_of_a_file(self):
        for text, begin, end in (("bytes=5-9", 5, 10), ("bytes=30000000-", 30_000_000, None), ("bytes=-77", -77, None),
                                 ("bytes=0-0", 0, 1)):
            with self.subTest(range=text):
                out = self.folder / "part"
                self.sjcp("cp", "--range", text, self.nginx.url("big.bin"), out)
                self.assert_file(out, self.data[begin:end])
                out.unlink()

    def test_a_range_outside_the_file_leaves_the_target_alone(self):
        out = self.folder / "out"
        out.write_bytes(b"old")
        outcome = self.run_sjcp("cp", "--range", "bytes=50000000-", self.nginx.url("big.bin"), out)
        self.assert_fails(outcome, 2, "range")
        self.assert_file(out, b"old")

    def test_to_stdout(self):
        outcome = self.sjcp("cp", self.nginx.url("small.txt"), "-")
        self.assertEqual(outcome.stdout, "hello")

    def test_the_name_comes_from_the_server_or_the_url(self):
        self.sjcp("cp", self.nginx.url("named"), str(self.folder) + "/")
        self.assert_file(self.folder / "naïve.txt", b"hello")
        self.sjcp("cp", self.nginx.url("moved"), str(self.folder) + "/")
        self.assert_file(self.folder / "moved", b"hello")
        self.sjcp("cp", self.nginx.url("a%20b%2Bc%25d%20%C3%BC"), str(self.folder) + "/")
        self.assert_file(self.folder / "a b+c%d ü", b"odd")

    def test_an_unknown_authority_is_refused_unless_told_otherwise(self):
        url = self.nginx.url("small.txt", tls=True)
        out = self.folder / "out"
        outcome = self.run_sjcp("cp", url, out)
        self.assertNotEqual(outcome.code, 0)
        self.assertIn("certificate", outcome.stderr)
        self.assertFalse(out.exists())
        self.sjcp("cp", "--insecure", url, out)
        self.assert_file(out, b"hello")

    def test_passwords_come_from_the_url_and_from_netrc(self):
        url = self.nginx.url("private")
        out = self.folder / "out"
        refused = self.run_sjcp("cp", url, out)
        self.assert_fails(refused, 4, "401")
        self.sjcp("cp", url.replace("//", "//me:secret@"), out)
        self.assert_file(out, b"hello")
        netrc = self.home / ".netrc"
        netrc.write_text("machine 127.0.0.1 login me password secret\n")
        os.chmod(netrc, 0o600)
        self.sjcp("cp", "--netrc", url, self.folder / "again")
        self.assert_file(self.folder / "again", b"hello")

    def test_errors_are_one_line_and_leave_the_target_alone(self):
        out = self.folder / "out"
        out.write_bytes(b"old")
        port = harness.free_port()
        cases = ((self.nginx.url("missing?token=geheim"), 3, "404"),
                 (self.nginx.url("forbidden?token=geheim"), 4, "403"),
                 (f"http://127.0.0.1:{port}/x?token=geheim", 5, "onnect"),
                 ("http://no-such-host.invalid/x?token=geheim", 5, "resolve"),
                 (self.nginx.url("small.txt?token=geheim", tls=True), 6, "certificate"),
                 ("http://me:geheim@127.0.0.1:99999/x", 2, "port"),
                 ("gopher://me:geheim@127.0.0.1/x", 2, "gopher"))
        for url, code, word in cases:
            with self.subTest(url=url):
                outcome = self.run_sjcp("cp", url, out)
                self.assert_fails(outcome, code, word)
                self.assertNotIn("geheim", outcome.stderr)
                self.assert_file(out, b"old")


if __name__ == "__main__":
    harness.main()
