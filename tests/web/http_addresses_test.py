"""A host with several addresses: all are used in turn, and those that do not answer do no harm."""

import dataclasses
import socket
import time

import harness
from unruly import Unruly, serve

DATA = harness.some_bytes(24_000_007, seed=7)
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


class AddressesTest(harness.WebTest):
    def serve_at(self, address, port=0, **options):
        server = Unruly(lambda request: dataclasses.replace(serve(request, DATA), rate=4_000_000), host=address,
                        port=port, **options)
        self.addCleanup(server.stop)
        return server

    def download(self, port, *options, scheme="http"):
        """How long it took."""
        begin = time.monotonic()
        self.sjcp("cp", "-p", 8, *options, f"{scheme}://many.test:{port}/file.bin", self.folder / "out",
                  environment={"LD_PRELOAD": harness.preloaded("names"), "SJCP_TEST_ADDRESSES": " ".join(ADDRESSES)})
        self.assert_file(self.folder / "out", DATA)
        return time.monotonic() - begin

    def test_all_are_used_in_turn(self):
        first = self.serve_at(ADDRESSES[0])
        servers = [first, *(self.serve_at(address, first.port) for address in ADDRESSES[1:])]
        self.download(first.port)
        for server in servers:
            self.assertGreaterEqual(server.connections, 2)
            self.assertEqual(server.requests[0].headers["host"], f"many.test:{first.port}")

    def test_certificates_are_those_of_the_name(self):
        authority = harness.Authority(self.folder / "authority", "DNS:many.test")
        first = self.serve_at(ADDRESSES[0], authority=authority)
        servers = [first, *(self.serve_at(address, first.port, authority=authority) for address in ADDRESSES[1:])]
        self.download(first.port, "--cacert", authority.ca, scheme="https")
        for server in servers:
            self.assertGreaterEqual(server.connections, 2)

    def test_one_that_refuses_is_left_out(self):
        for refusing in range(3):
            with self.subTest(refusing=ADDRESSES[refusing]):
                at = [address for address in ADDRESSES if address != ADDRESSES[refusing]]
                first = self.serve_at(at[0])
                servers = [first, self.serve_at(at[1], first.port)]
                self.download(first.port)
                for server in servers:
                    self.assertGreaterEqual(server.connections, 2)

    def test_one_that_does_not_answer_holds_nothing_up(self):
        first = self.serve_at(ADDRESSES[0])
        other = self.serve_at(ADDRESSES[2], first.port)
        # Its queue is full: the kernel takes no further connection, and does not say so.
        dead = socket.socket()
        self.addCleanup(dead.close)
        dead.bind((ADDRESSES[1], first.port))
        dead.listen(0)
        for _ in range(3):
            waiting = socket.socket()
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex((ADDRESSES[1], first.port))
        # A dial is given up after 15 s only.
        self.assertLess(self.download(first.port), 12)
        self.assertGreaterEqual(first.connections, 2)
        self.assertGreaterEqual(other.connections, 2)


if __name__ == "__main__":
    harness.main()
