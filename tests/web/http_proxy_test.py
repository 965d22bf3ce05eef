"""Proxies that the environment names."""

import socket
import threading

import harness
from unruly import Unruly, serve

DATA = harness.some_bytes(300_000, seed=4)


class Proxy:
    """Forwards what it is told to by CONNECT, and other requests by their absolute URL; notes which."""

    def __init__(self):
        self.seen = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            part = peer.recv(65536)
            if not part:
                return
            head += part
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.seen.append((method, target))
        host = target if method == "CONNECT" else target.split("/")[2]
        name, port = host.rsplit(":", 1)
        server = socket.create_connection((name, int(port)))
        if method == "CONNECT":
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = "/" + target.split("/", 3)[3]
            server.sendall(head.replace(target.encode(), path.encode(), 1))
        threading.Thread(target=self._pump, args=(peer, server), daemon=True).start()
        self._pump(server, peer)

    @staticmethod
    def _pump(source, sink):
        try:
            while part := source.recv(65536):
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class ProxyTest(harness.WebTest):
    def setUp(self):
        super().setUp()
        self.proxy = Proxy()
        self.addCleanup(self.proxy.stop)

    def server(self, authority=None):
        server = Unruly(lambda request: serve(request, DATA), authority=authority)
        self.addCleanup(server.stop)
        return server

    def test_http_goes_through_http_proxy(self):
        server = self.server()
        self.sjcp("cp", server.url(), self.folder / "out", environment={"http_proxy": self.proxy.url})
        self.assert_file(self.folder / "out", DATA)
        self.assertEqual(self.proxy.seen[0], ("GET", server.url()))

    def test_https_goes_through_https_proxy_unseen(self):
        server = self.server(self.authority)
        self.sjcp("cp", "--cacert", self.authority.ca, server.url(), self.folder / "out",
                  environment={"https_proxy": self.proxy.url})
        self.assert_file(self.folder / "out", DATA)
        self.assertEqual(self.proxy.seen[0], ("CONNECT", f"localhost:{server.port}"))

    def test_no_proxy_names_exceptions(self):
        server = self.server()
        self.sjcp("cp", server.url(), self.folder / "out",
                  environment={"http_proxy": self.proxy.url, "no_proxy": "127.0.0.1"})
        self.assert_file(self.folder / "out", DATA)
        self.assertEqual(self.proxy.seen, [])


if __name__ == "__main__":
    harness.main()
