"""An HTTP(S) server that misbehaves as a test tells it to.

`Unruly(behave)` serves on a port of its own; `behave(request)` returns the `Reply` to each request.  `serve(request, data)`
is the reply of a well-behaved server, which a test then spoils: another status, other headers, a body that is cut, slow or
late.  Requests are kept in `requests`, in order of arrival.
"""

import dataclasses
import email.utils
import http.server
import re
import socket
import ssl
import struct
import threading
import time

MODIFIED = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT
ETAG = '"v1"'


@dataclasses.dataclass
class Request:
    number: int  # from 0, of all that this server got
    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes = b""
    connection: int = 0  # which of the server's connections it came over

    @property
    def range(self):
        """(first, last), either of which may be None; None: no range is asked for."""
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range", ""))
        return tuple(int(number) if number else None for number in found.groups()) if found else None


@dataclasses.dataclass
class Reply:
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    length: object = True  # Content-Length: True: as it is; a number: that; None: none, the end is the connection's
    chunked: bool = False
    delay: float = 0  # seconds before the head
    rate: float = 0  # bytes per second; 0: as fast as it goes
    cut: object = None  # the connection ends after so many bytes of the body
    reset: bool = False  # ... with a RST
    stall: object = None  # after so many bytes of the body nothing more comes, until the server stops
    silent: bool = False  # no reply at all: the connection is closed


def serve(request, data, etag=ETAG, modified=MODIFIED, ranges=True):
    """As nginx does it."""
    headers = {"Last-Modified": email.utils.formatdate(modified, usegmt=True)}
    if etag:
        headers["ETag"] = etag
    if ranges:
        headers["Accept-Ranges"] = "bytes"
    match = request.headers.get("if-match")
    if match is not None and (match != etag or etag.startswith("W/")):
        return Reply(412, headers, b"changed")
    since = request.headers.get("if-unmodified-since")
    if since is not None and email.utils.parsedate_to_datetime(since).timestamp() < modified:
        return Reply(412, headers, b"changed")
    if not ranges or request.range is None or not data:
        return Reply(200, headers, data)
    first, last = request.range
    if first is None:
        first, last = max(0, len(data) - last), None
    if first >= len(data):
        return Reply(416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b"")
    last = len(data) - 1 if last is None else min(last, len(data) - 1)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return Reply(206, headers, data[first:last + 1])


class Unruly:
    """most: requests that are answered at a time; what comes beyond gets `refusal`, and counts in `refused`."""

    def __init__(self, behave, authority=None, host="127.0.0.1", port=0, most=None, refusal=None):
        self.requests = []
        self.refused = 0
        self.most = most
        self._refusal = refusal or Reply(503, {}, b"busy")
        self._admitted = 0
        self.bytes_sent = 0  # of bodies
        self.behave = behave
        self._lock = threading.Lock()
        self._connections = 0
        self._at_once = 0
        self.most_at_once = 0  # requests being answered
        self._stopped = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with outer._lock:
                    self.connection_number = outer._connections
                    outer._connections += 1

            def handle(self):
                try:
                    super().handle()
                except (OSError, ssl.SSLError, ValueError):
                    self.close_connection = True  # the client has left

            def answer(self):
                outer._answer(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self._server = Server((host, port), Handler)
        self.port = self._server.server_address[1]
        self.tls = authority is not None
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.certificate, authority.key)
            # The handshake is the connection's own thread's work.
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def url(self, path="file.bin", host=None):
        host = host or ("localhost" if self.tls else "127.0.0.1")
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/{path}"

    def stop(self):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def connections(self):
        return self._connections

    def _answer(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length) if length else self._read_chunks(handler)
        request = Request(0, handler.command, handler.path,
                          {name.lower(): value for name, value in handler.headers.items()}, body,
                          handler.connection_number)
        with self._lock:
            request.number = len(self.requests)
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            admitted = self.most is None or self._admitted < self.most
            self._admitted += admitted
            self.refused += not admitted
        try:
            self._reply(handler, request, self.behave(request) if admitted else self._refusal)
        finally:
            with self._lock:
                self._at_once -= 1
                self._admitted -= admitted

    def _reply(self, handler, request, reply):
        if reply.delay:
            self._stopped.wait(reply.delay)
        if reply.silent:
            handler.close_connection = True
            return
        self._send(handler, request, reply)

    @staticmethod
    def _read_chunks(handler):
        if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return b""
        body = b""
        while True:
            size = int(handler.rfile.readline().split(b";")[0], 16)
            body += handler.rfile.read(size)
            handler.rfile.readline()
            if size == 0:
                return body

    def _send(self, handler, request, reply):
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        elif reply.length is None:
            handler.send_header("Connection", "close")
        else:
            length = len(reply.body) if reply.length is True else reply.length
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        if request.method == "HEAD":
            return
        if reply.length is None or (reply.length is not True and reply.length != len(reply.body)):
            handler.close_connection = True
        self._send_body(handler, reply)

    def _send_body(self, handler, reply):
        piece = max(1, min(65536, int(reply.rate / 20))) if reply.rate else 65536
        begin = time.monotonic()
        at = 0
        while at < len(reply.body) and not self._stopped.is_set():
            part = reply.body[at:at + piece]
            for limit in (reply.cut, reply.stall):
                if limit is not None:
                    part = part[:max(0, limit - at)]
            if part:
                if reply.chunked:
                    handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                else:
                    handler.wfile.write(part)
                handler.wfile.flush()
                at += len(part)
                with self._lock:
                    self.bytes_sent += len(part)
            if reply.cut is not None and at >= reply.cut:
                self._end(handler, reply)
                return
            if reply.stall is not None and at >= reply.stall:
                self._stopped.wait()
                handler.close_connection = True
                return
            if reply.rate:
                self._stopped.wait(max(0, begin + at / reply.rate - time.monotonic()))
        if reply.cut is not None and not reply.body:
            self._end(handler, reply)
            return
        if reply.chunked:
            handler.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def _end(handler, reply):
        handler.close_connection = True
        if reply.reset:
            # Without lingering, closing sends a RST.
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
