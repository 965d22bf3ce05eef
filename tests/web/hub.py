"""A small model hub for the tests: the API, its own small files, and large ones by redirect to another port.

It speaks what clients of the public hub use: descriptions of revisions, listings in pages, /resolve/ with ranges and
conditions, error codes in headers, links to the content delivery that expire, and rate limits.  Whatever a client must
not do (a token sent to the content delivery, a question asked twice) can be read off `requests` and `violations`.
"""

import collections
import gzip
import hashlib
import http.server
import json
import re
import ssl
import threading
import urllib.parse

# Smaller files are git's own, as the hub's rules have it for text.
LARGE = 64 << 10


def git_oid(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class File:
    def __init__(self, path, data, large=None):
        self.path = path
        self.data = data
        self.large = len(data) >= LARGE if large is None else large
        self.sha256 = sha256(data)
        if self.large:
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(data)}\n"
            self.pointer_size = len(pointer)
            self.oid = git_oid(pointer.encode())
        else:
            self.oid = git_oid(data)
        self.etag = self.sha256 if self.large else self.oid

    def entry(self):
        entry = {"type": "file", "path": self.path, "size": len(self.data), "oid": self.oid}
        if self.large:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": self.pointer_size}
        return entry


class Repo:
    """kind: models, datasets or spaces.  gated: only with this token; private: nothing is known without it."""

    def __init__(self, kind, name, gated=None, private=None):
        self.kind = kind
        self.name = name
        self.gated = gated
        self.private = private
        self.commits = {}  # hash: {path: File}
        self.refs = {}
        self.moved_to = None

    @property
    def oid(self):
        return hashlib.sha256(f"{self.kind}/{self.name} of the hub".encode()).hexdigest()

    def commit(self, files, ref="main"):
        """files: {path: bytes} or {path: File}.  The commit's hash."""
        files = {path: data if isinstance(data, File) else File(path, data) for path, data in files.items()}
        state = "".join(f"{path} {files[path].etag}\n" for path in sorted(files)) + str(len(self.commits))
        commit = hashlib.sha1(state.encode()).hexdigest()
        self.commits[commit] = files
        self.refs[ref] = commit
        return commit

    def find(self, revision):
        return revision if revision in self.commits else self.refs.get(revision)


class Hub:
    """On two ports of 127.0.0.1; with an authority (harness.Authority), both speak TLS.

    page: files in one page of a listing.  link_uses: requests that a link to the content delivery is good for.
    published: links have the published layout /repos/<2>/<2>/<repo>/<file>.
    most: requests that each of the two answers at a time; those beyond get a 429 and count in `refused`.
    pause: seconds that an answer takes.
    """

    def __init__(self, authority=None, page=1000, link_uses=None, published=True, most=None, pause=0):
        self.most = most
        self.pause = pause
        self.refused = 0
        self.admitted = collections.Counter()  # by server
        self.stopped = threading.Event()
        self.repos = {}
        self.page = page
        self.link_uses = link_uses
        self.published = published
        self.lock = threading.Lock()
        self.requests = []    # (server, method, path)
        self.violations = []  # what no client may do
        self.refusals = collections.deque()  # (server, status, headers) to answer with instead, in turn
        self.cut_after = {}   # last part of a path: bytes after which the connection ends, once
        self.links = {}       # signature: uses left
        self.damaged = set()  # SHA-256 of files of which other bytes are sent
        self.instead = {}     # part of a path: (status, headers, body) that the hub answers with instead
        self._servers = []
        scheme = "https" if authority else "http"
        host = "localhost" if authority else "127.0.0.1"
        self.endpoint = f"{scheme}://{host}:{self._serve(HubHandler, authority)}"
        self.delivery = f"{scheme}://{host}:{self._serve(DeliveryHandler, authority)}"

    def _serve(self, handler, authority):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.hub = self
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.certificate, authority.key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._servers.append(server)
        return server.server_address[1]

    def stop(self):
        self.stopped.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def repo(self, name, kind="models", **options):
        repo = Repo(kind, name, **options)
        self.repos[kind, name] = repo
        return repo

    def refuse(self, status, headers=None, server="hub", times=1):
        for _ in range(times):
            self.refusals.append((server, status, headers or {}))

    def count(self, server=None, method=None, path=""):
        """Requests of this kind whose path holds `path`."""
        with self.lock:
            return sum(1 for s, m, p in self.requests
                       if server in (None, s) and method in (None, m) and path in p)

    def forget_requests(self):
        with self.lock:
            self.requests.clear()

    def link(self, repo, file):
        """A signed link, as every question for the file gets a new one."""
        with self.lock:
            signature = f"s{len(self.links)}"
            self.links[signature] = self.link_uses
        name = f"repos/{repo.oid[:2]}/{repo.oid[2:4]}/{repo.oid}" if self.published else "bridge"
        return f"{self.delivery}/{name}/{file.sha256}?Expires=1&Signature={signature}"

    def large_file(self, digest):
        for repo in self.repos.values():
            for files in repo.commits.values():
                for file in files.values():
                    if file.large and file.sha256 == digest:
                        return file
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    name = ""

    def log_message(self, *_):
        pass

    @property
    def hub(self):
        return self.server.hub

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # clients may hang up whenever they like

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        with self.hub.lock:
            self.hub.requests.append((self.name, self.command, self.path))
            refusal = None
            if self.hub.refusals and self.hub.refusals[0][0] == self.name:
                refusal = self.hub.refusals.popleft()
            if self.hub.most is not None and self.hub.admitted[self.name] >= self.hub.most:
                refusal = (self.name, 429, {})
                self.hub.refused += 1
            else:
                self.hub.admitted[self.name] += 1
        self.hub.stopped.wait(self.hub.pause)
        if refusal:
            return self.reply(refusal[1], refusal[2])
        try:
            return self.answer()
        finally:
            with self.hub.lock:
                self.hub.admitted[self.name] -= 1

    def reply(self, status, headers=None, body=b"", length=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code="", message=""):
        headers = {"X-Error-Code": code} if code else {}
        if message:
            headers["X-Error-Message"] = message
        self.reply(status, headers, json.dumps({"error": message or code}).encode())

    def send_data(self, file, headers, etag):
        """With ranges and If-Match."""
        data = file.data
        if file.sha256 in self.hub.damaged:
            data = data[:-1] + bytes([data[-1] ^ 1])
        headers = {**headers, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        match = self.headers.get("If-Match")
        if match and match not in (f'"{etag}"', "*"):
            return self.reply(412, headers)
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not found or found.groups() == ("", ""):
            return self.write_body(200, headers, data)
        first, last = found.groups()
        if not first:
            begin, end = max(len(data) - int(last), 0), len(data)
        else:
            begin, end = int(first), min(int(last) + 1 if last else len(data), len(data))
        if begin >= end:
            return self.reply(416, {**headers, "Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
        return self.write_body(206, headers, memoryview(data)[begin:end])

    def write_body(self, status, headers, data):
        if self.command == "HEAD":
            return self.reply(status, headers, length=len(data))
        with self.hub.lock:
            cut = self.hub.cut_after.pop(self.path.partition("?")[0].rpartition("/")[2], None)
        if cut is None or cut >= len(data):
            return self.reply(status, headers, data)
        self.close_connection = True
        return self.reply(status, headers, data[:cut], length=len(data))


class HubHandler(Handler):
    name = "hub"

    def answer(self):
        for part, other in self.hub.instead.items():
            if part in self.path:
                return self.reply(*other)
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        found = re.fullmatch(r"/api/(models|datasets|spaces)/((?:[^/]+/)?[^/]+)(?:/(revision|tree)/([^/]+)(?:/(.*))?)?", path)
        if found:
            kind, name, question, revision, below = found.groups()
            return self.api(kind, name, question, urllib.parse.unquote(revision or "main"),
                            urllib.parse.unquote(below or ""), query)
        found = re.fullmatch(r"/(?:(datasets|spaces)/)?((?:[^/]+/)?[^/]+)/resolve/([^/]+)/(.+)", path)
        if found:
            kind, name, revision, file = found.groups()
            return self.resolve(kind or "models", name, urllib.parse.unquote(revision), urllib.parse.unquote(file))
        return self.error(404)

    def find(self, kind, name, revision):
        """The repository and the commit, or nothing after an answer that says why."""
        repo = self.hub.repos.get((kind, name))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repo is None or (repo.private and token != repo.private):
            self.error(404 if token else 401, "RepoNotFound", "Repository not found")
            return None
        if repo.gated and token != repo.gated:
            self.error(403 if token else 401, "GatedRepo", f"Access to {kind}/{name} is restricted")
            return None
        if repo.moved_to:
            self.reply(307, {"Location": self.path.replace(name, repo.moved_to, 1)})
            return None
        commit = repo.find(revision)
        if commit is None:
            self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return repo, commit

    def api(self, kind, name, question, revision, below, query):
        found = self.find(kind, name, revision)
        if not found:
            return None
        repo, commit = found
        if question != "tree":
            return self.json({"id": name, "sha": commit, "private": False, "siblings": []})
        files = repo.commits[commit]
        prefix = below + "/" if below else ""
        entries = {}
        for path in sorted(files):
            if not path.startswith(prefix):
                continue
            parts = path[len(prefix):].split("/")
            depths = range(1, len(parts)) if query.get("recursive") == "true" else range(1, min(2, len(parts)))
            for depth in depths:
                folder = prefix + "/".join(parts[:depth])
                entries[folder] = {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
            if len(parts) == 1 or query.get("recursive") == "true":
                entries[path] = files[path].entry()
        if below and not entries:
            return self.error(404, "EntryNotFound", f"{below} does not exist")
        entries = list(entries.values())
        begin = int(query.get("cursor", "0"))
        headers = {}
        if begin + self.hub.page < len(entries):
            query["cursor"] = str(begin + self.hub.page)
            url = f"{self.hub.endpoint}{self.path.partition('?')[0]}?{urllib.parse.urlencode(query)}"
            headers["Link"] = f'<{url}>; rel="next"'
        return self.json(entries[begin:begin + self.hub.page], headers)

    def json(self, value, headers=None):
        self.reply(200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())

    def resolve(self, kind, name, revision, path):
        found = self.find(kind, name, revision)
        if not found:
            return None
        repo, commit = found
        headers = {"X-Repo-Commit": commit}
        file = repo.commits[commit].get(path)
        if file is None:
            return self.reply(404, {**headers, "X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        if file.large:
            headers |= {"X-Linked-ETag": f'"{file.sha256}"', "X-Linked-Size": str(len(file.data)),
                        "Location": self.hub.link(repo, file), "Accept-Ranges": "bytes", "ETag": '"of the redirect"'}
            return self.reply(302, headers, b"Found. Redirecting")
        if "gzip" in self.headers.get("Accept-Encoding", "") and path.endswith((".json", ".txt", ".md")):
            return self.send_packed(file, headers)
        return self.send_data(file, headers, file.oid)

    def send_packed(self, file, headers):
        """In chunks and without a length: what the hub does with text for those who ask for gzip."""
        packed = gzip.compress(file.data)
        self.send_response(200)
        for name, value in {**headers, "ETag": f'W/"{file.oid}"', "Content-Encoding": "gzip",
                            "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))


class DeliveryHandler(Handler):
    name = "delivery"

    def answer(self):
        path, _, query = self.path.partition("?")
        if self.headers.get("Authorization"):
            self.hub.violations.append(f"a token was sent with {self.path}")
        signature = dict(urllib.parse.parse_qsl(query)).get("Signature")
        with self.hub.lock:
            left = self.hub.links.get(signature, 0)
            good = left is None or left > 0
            if good and left is not None:
                self.hub.links[signature] = left - 1
        if not good:
            return self.reply(403, {}, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
        file = self.hub.large_file(path.rpartition("/")[2])
        if file is None:
            return self.reply(404)
        return self.send_data(file, {}, f"delivery-{file.sha256[:16]}")
