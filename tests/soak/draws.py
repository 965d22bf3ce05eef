"""What one seed draws: a copy, what is wrong with its services, and how it may end.

A draw's `verdict` says what is expected:
  "succeed"   the faults leave enough to go on with: nothing but 0 is right
  "either"    they may or may not leave enough
  a set       the exit codes, beside 0, that say what is wrong
"""

import dataclasses
import random

import place
import unruly

KB, MB = 1000, 1_000_000
# Boundaries: nothing, what lives at the satellite, a stripe, a group of medium files, the largest.
SIZES = [0, 1, 255, 256, 4095, 4096, 4097, 7424, 65536, 100 * KB, MB - 1, 1 << 20, (1 << 20) + 1, 3 * MB]
STORJ_METHODS = ["*", "BeginObject", "BeginSegment", "CommitSegment", "CommitObject", "MakeInlineSegment", "DownloadObject",
                 "DownloadSegment", "ListObjects", "CompressedBatch"]
# What a status of the satellite that stays means to the user.
LASTING = {3: 2, 5: 3, 7: 4, 9: 9, 12: 2, 13: 5, 14: 5, 16: 4}

KINDS = ["sj-up", "sj-up", "sj-down", "sj-down", "sj-up-r", "sj-down-r", "sj-stdin", "sj-stdout", "http-down", "http-down",
         "s3-up", "s3-down", "s3-up-r", "s3-down-r", "hf-down-r", "sj-to-s3", "s3-to-sj", "http-to-sj"]


@dataclasses.dataclass
class Draw:
    seed: int
    kind: str
    files: dict  # name: bytes
    faults: list = dataclasses.field(default_factory=list)  # functions of a Place, called in order
    words: list = dataclasses.field(default_factory=list)   # what they do, for a reader
    verdict: object = "succeed"
    behave: object = None  # of the web server
    hub_options: dict = dataclasses.field(default_factory=dict)
    options: list = dataclasses.field(default_factory=list)
    old: bool = False  # something is at the target before
    codes: set = dataclasses.field(default_factory=set)  # that any of the faults may end with

    @property
    def uses(self):
        return {part for part in self.kind.split("-") if part in ("sj", "s3", "http", "hf")}

    def add(self, words, fault):
        self.words.append(words)
        self.faults.append(fault)

    def allow(self, verdict):
        """The weaker of two expectations holds."""
        self.codes |= verdict if isinstance(verdict, set) else set()
        if self.verdict == "succeed":
            self.verdict = verdict
        elif "either" in (verdict, self.verdict):
            self.verdict = "either"
        elif verdict != "succeed":
            self.verdict = self.verdict | verdict

    def __str__(self):
        sizes = ", ".join(str(len(data)) for data in list(self.files.values())[:8])
        return f"{self.kind} of {len(self.files)} ({sizes}) {' '.join(self.options)}; {'; '.join(self.words) or 'all well'}"


def draw(seed):
    rng = random.Random(seed)
    kind = rng.choice(KINDS)
    count = rng.randint(2, 12) if kind.endswith("-r") else 1
    files = {}
    for i in range(count):
        folder = rng.choice(["", "", "a/", "a/b/", "ü ö/"]) if count > 1 else ""
        files[f"{folder}f{i}"] = rng.randbytes(size(rng, 300 * KB if count > 1 else 3 * MB))
    made = Draw(seed, kind, files, old=rng.random() < .3)
    if rng.random() < .15:
        made.options += ["-p", str(rng.choice([1, 2, 16]))]
    for service in sorted(made.uses):
        spoil = {"sj": storj_faults, "s3": s3_faults, "http": web_faults, "hf": hub_faults}[service]
        spoil(rng, made)
    return made


def size(rng, most):
    if rng.random() < .5:
        return min(rng.choice(SIZES), most)
    return int(10 ** rng.uniform(0, 6.47)) % (most + 1)


# ---- Storj ----

def node_fault(rng, uploads):
    """What a node does, in words and for sjnet; and what it costs of the pieces that can be spared: a wrong piece two."""
    stall = rng.choice([0, 1, 1000, 5000, 50_000])
    choices = [({"down": True}, 1), ({"refuse": True}, 1), ({"wrong_identity": True}, 1), ({"new_noise_key": True}, 1),
               ({"stall_after": stall}, 1), ({"bytes_per_second": rng.choice([20_000, 200_000])}, 1),
               ({"status": {"code": rng.choice([2, 5, 7, 8, 13, 14]), "text": "drawn"}}, 1)]
    if uploads:
        choices += [({"wrong_hash": True}, 1), ({"bad_signature": True}, 1), ({"full": True}, 1)]
    else:
        choices += [({"flip": True}, 2), ({"flip_offset": rng.choice([0, 100, 3000])}, 2), ({"short_after": stall}, 1)]
    return rng.choice(choices)


def storj_faults(rng, made):
    uploads = made.kind.startswith(("sj-up", "sj-stdin")) or made.kind.endswith("to-sj")
    # Of twelve nodes, eight store a piece, and four of those are enough.
    spare = place.NODES - place.OPTIMAL if uploads else place.OPTIMAL - place.REQUIRED
    ruin = rng.random() < .12
    nodes = list(range(place.NODES))
    rng.shuffle(nodes)
    while nodes and rng.random() < (.95 if ruin else .6):
        fault, cost = node_fault(rng, uploads)
        if cost > spare and not ruin:
            break
        spare -= cost
        node = nodes.pop()
        made.add(f"node {node} {fault}",
                 lambda at, n=node, f=fault: at.network.control(op="node", nodes=[n], faults=f))
    if spare < 0:
        made.allow("either")
    if rng.random() < .5:
        satellite_fault(rng, made)


def satellite_fault(rng, made):
    roll = rng.random()
    method = rng.choice(STORJ_METHODS)
    if roll < .3:
        command = dict(op="satellite", method=method, status={"code": 14, "text": "drawn"}, count=rng.randint(1, 3))
    elif roll < .6:
        command = dict(op="satellite", method=rng.choice(["*", "CompressedBatch"]), drop=rng.choice(["before", "after"]),
                       count=rng.randint(1, 2))
    elif roll < .7:
        command = dict(op="satellite", expired_limits=rng.randint(1, 2))
    elif roll < .8:
        command = dict(op="ratelimit", per_second=rng.choice([10, 30]), burst=rng.choice([5, 20]))
    else:
        code = rng.choice(list(LASTING))
        command = dict(op="satellite", method=method, status={"code": code, "text": "drawn"}, count=100_000)
        made.allow({LASTING[code], 8} if len(made.files) > 1 else {LASTING[code]})
    made.add(f"satellite {command}", lambda at: at.network.control(**command))


# ---- S3 ----

def s3_faults(rng, made):
    if rng.random() < .35:
        return
    connections = rng.randint(1, 3)
    down = rng.choice([None, 0, 1, 200, 5000, 300_000])
    up = rng.choice([None, 0, 1, 500, 70_000]) if down is None else None
    refuse = rng.choice([0, 0, .5, 2])
    reset = rng.random() < .5
    made.add(f"the next {connections} connections to S3 end after {down} bytes down, {up} up, reset {reset}; refused for {refuse} s",
             lambda at: at.s3.break_next(connections, down, up, reset, refuse))


# ---- HTTP ----

def web_faults(rng, made):
    data = next(iter(made.files.values()))
    times = rng.randint(1, 4)
    at = rng.choice([0, 1, 1000, len(data) // 2, max(0, len(data) - 1)])
    reset = rng.random() < .5
    state = {"number": 0}

    def some(change):
        """The first answers are changed, the others are not."""
        def behave(request):
            reply = unruly.serve(request, data)
            state["number"] += 1
            return change(reply) if state["number"] <= times else reply
        return behave

    def cut(reply):
        reply.cut, reply.reset = min(at, max(0, len(reply.body) - 1)), reset
        return reply

    def status(number, headers=()):
        return lambda reply: unruly.Reply(number, dict(headers), b"drawn")

    def always(change):
        return lambda request: change(request, unruly.serve(request, data))

    def spoil(reply, **changes):
        for name, value in changes.items():
            setattr(reply, name, value)
        return reply

    def moved(request, reply):
        return reply if request.path.endswith("elsewhere") else unruly.Reply(302, {"Location": "/elsewhere"})

    def too_short(request, reply):
        return spoil(reply, body=reply.body[:len(reply.body) // 2], length=len(reply.body)) if reply.body else reply

    def other_etag(request, reply):
        reply.headers["ETag"] = f'"{request.number % 2}"'
        return unruly.Reply(412) if request.headers.get("if-match") not in (None, reply.headers["ETag"]) else reply

    table = [
        ("nothing", some(lambda reply: reply), "succeed"),
        (f"{times} answers cut after {at}", some(cut), "succeed"),
        (f"{times} times silence", some(lambda reply: unruly.Reply(silent=True)), "succeed"),
        *[(f"{times} times {number}", some(status(number)), "succeed") for number in (500, 502, 503, 504)],
        (f"{times} times 429, Retry-After 1", some(status(429, [("Retry-After", "1")])), "succeed"),
        ("no ranges", lambda request: unruly.serve(request, data, ranges=False), "succeed"),
        ("no ETag", lambda request: unruly.serve(request, data, etag=None), "succeed"),
        ("chunks without a length", lambda request: spoil(unruly.serve(request, data, ranges=False), chunked=True), "succeed"),
        ("moved", always(moved), "succeed"),
        ("an ETag of each back end's own", always(other_etag), "succeed"),
        ("ranges refused with 400", always(lambda request, reply: unruly.Reply(400) if request.range else unruly.serve(request, data, ranges=False)), "succeed"),
        ("ranges refused with 403", always(lambda request, reply: unruly.Reply(403) if request.range else unruly.serve(request, data, ranges=False)), "succeed"),
        ("1 MB/s", always(lambda request, reply: spoil(reply, rate=1e6)), "succeed"),
        ("half of what Content-Length says, always", always(too_short), {5} if len(data) > 1 else "either"),
        ("404", always(lambda request, reply: unruly.Reply(404)), {3}),
        ("403", always(lambda request, reply: unruly.Reply(403)), {4}),
        ("401", always(lambda request, reply: unruly.Reply(401)), {4}),
    ]
    words, made.behave, verdict = rng.choice(table)
    made.words.append(f"web: {words}")
    made.allow(verdict)


# ---- the hub ----

def hub_faults(rng, made):
    if rng.random() < .3:
        made.hub_options["link_uses"] = rng.randint(1, 3)
        made.words.append(f"links for {made.hub_options['link_uses']} requests")
    for _ in range(rng.randint(0, 3)):
        status, server = rng.choice([429, 500, 502, 503, 504]), rng.choice(["hub", "delivery"])
        made.add(f"{server} {status} once", lambda at, s=status, v=server: at.hub.refuse(s, {}, v))
    large = [data for data in made.files.values() if len(data) >= 64 << 10]
    if large and rng.random() < .4:
        cut = rng.choice(large)
        after = rng.randint(0, len(cut) - 1)

        def cut_once(at):
            for files in at.hub.repos["models", place.MODEL].commits.values():
                for file in files.values():
                    if file.data == cut:
                        at.hub.cut_after[file.sha256] = after
        made.add(f"a large file is cut after {after}", cut_once)
    if large and rng.random() < .1:
        bad = rng.choice(large)

        def damage(at):
            for files in at.hub.repos["models", place.MODEL].commits.values():
                at.hub.damaged.update(file.sha256 for file in files.values() if file.data == bad)
        made.add("a large file has a wrong byte", damage)
        made.allow({6, 8})
