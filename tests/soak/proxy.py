"""A TCP relay that breaks what goes through it: for services that do not misbehave by themselves."""

import socket
import struct
import threading
import time


class Proxy:
    def __init__(self, target):
        self.target = target
        self._lock = threading.Lock()
        self.well()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def well(self):
        self.break_next(0, None, None)

    def break_next(self, connections, down, up, reset=False, refuse_for=0.0):
        """The next so many connections end after so many bytes of replies, or of requests; for some seconds, all at once."""
        with self._lock:
            self._left, self._down, self._up, self._reset = connections, down, up, reset
            self._refused_until = time.monotonic() + refuse_for

    def stop(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _limits(self):
        with self._lock:
            if time.monotonic() < self._refused_until:
                return None
            if self._left == 0:
                return (None, None, False)
            self._left -= 1
            return (self._down, self._up, self._reset)

    def _serve(self, peer):
        limits = self._limits()
        if limits is None:
            self._end([peer], True)
            return
        down, up, reset = limits
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            self._end([peer], reset)
            return
        both = [peer, server]
        one = threading.Thread(target=self._copy, args=(peer, server, up, both, reset), daemon=True)
        one.start()
        self._copy(server, peer, down, both, reset)
        one.join()
        self._end(both, False)

    @staticmethod
    def _copy(source, sink, limit, both, reset):
        left = limit
        try:
            while True:
                data = source.recv(65536)
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                if data:
                    sink.sendall(data)
                if left == 0:
                    Proxy._end(both, reset)
                    return
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
        except OSError:
            Proxy._end(both, reset)

    @staticmethod
    def _end(sockets, reset):
        for each in sockets:
            try:
                if reset:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Wakes the thread that still reads from it: as long as that waits, nothing is closed.
                each.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
