"""One file from several servers at once."""

import dataclasses

import harness
from unruly import Reply, Unruly, serve

DATA = harness.some_bytes(48_000_007, seed=6)


class MirrorTest(harness.WebTest):
    def server(self, behave):
        server = Unruly(behave)
        self.addCleanup(server.stop)
        return server

    def test_mirrors_serve_one_file_together(self):
        servers = [self.server(lambda request: dataclasses.replace(serve(request, DATA), rate=10_000_000))
                   for _ in range(2)]
        gone = self.server(lambda request: Reply(404, {}, b""))
        out = self.folder / "out"
        self.sjcp("cp", "-p", 4, servers[0].url(), "--mirror", servers[1].url(), "--mirror", gone.url(), out)
        self.assert_file(out, DATA)
        for server in servers:
            self.assertGreater(server.bytes_sent, len(DATA) // 10)

    def test_a_mirror_with_another_size_is_dropped_and_named(self):
        good = self.server(lambda request: serve(request, DATA))
        other = self.server(lambda request: serve(request, DATA[:-1], etag='"other"'))
        out = self.folder / "out"
        outcome = self.sjcp("cp", "-p", 4, good.url(), "--mirror", other.url(), out)
        self.assert_file(out, DATA)
        self.assertIn(str(other.port), outcome.stderr + outcome.stdout)

    def test_other_bytes_of_the_same_size_are_found_by_their_digest(self):
        good = self.server(lambda request: dataclasses.replace(serve(request, DATA), rate=10_000_000))
        other = self.server(lambda request: dataclasses.replace(serve(request, bytes(reversed(DATA))), rate=10_000_000))
        out = self.folder / "out"
        outcome = self.run_sjcp("cp", "-p", 4, good.url(), "--mirror", other.url(), "--checksum",
                                "sha256:" + harness.sha256(DATA), out)
        if outcome.code == 0:
            self.assert_file(out, DATA)
        else:
            self.assertFalse(out.exists(), outcome)

    def test_without_a_usable_mirror_it_is_an_error(self):
        servers = [self.server(lambda request: Reply(404, {}, b"")) for _ in range(2)]
        outcome = self.run_sjcp("cp", servers[0].url(), "--mirror", servers[1].url(), self.folder / "out")
        self.assertNotEqual(outcome.code, 0)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    harness.main()
