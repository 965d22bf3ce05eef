"""Runs what a draw says, and judges how it ended.

The only assertions are the two that matter to whoever leaves a run alone: it ends, with a word, within its bound; and
what it says is so: 0 means that every byte is where it belongs, anything else that what was there before still is.
"""

import harness
import place

# Longer than anything waits here, with RETRY_TIME and the machine's load.
BOUND = 120
CODES = {1, 3, 4, 5, 6, 7, 8, 9, 10}
OLD = b"what was there before"


class Wrong(Exception):
    """What a draw was found to have done."""


def run(at, made):
    """The seconds that the copy took.  Wrong: it did not end as it should."""
    at.begin(made.seed)
    prefix = f"{made.seed}/"
    copy = prepare(at, made, prefix)
    for fault in made.faults:
        fault(at)
    outcome = copy.run(at)
    at.well()
    calm(at, made)
    judge(at, made, copy, outcome)
    if outcome.code != 0:
        # Whatever it was, it is over: the same command succeeds.
        again = copy.run(at)
        if again.code != 0:
            raise Wrong(f"fails again when all is well: {again}; before: {outcome}")
        compare(copy.found(at), copy.wanted, "after the second run")
    copy.clean(at)
    return outcome.seconds


def calm(at, made):
    if made.behave:
        data = next(iter(made.files.values()))
        at.web.behave = lambda request: place.unruly.serve(request, data)
    if at.hub:
        at.hub.refusals.clear()
        at.hub.cut_after.clear()
        at.hub.damaged.clear()


def judge(at, made, copy, outcome):
    if outcome.hung:
        raise Wrong(f"no end within {BOUND} s: {outcome}")
    if outcome.code < 0 or outcome.code >= 126:
        raise Wrong(f"ended by itself or by nobody's signal: {outcome}")
    for secret in at.secrets():
        if secret in outcome.stderr or secret.encode() in outcome.stdout:
            raise Wrong("says a secret")
    if outcome.code == 0:
        compare(copy.found(at), copy.wanted, "with exit code 0")
        return
    if made.verdict == "succeed" or outcome.code not in (CODES | made.codes if made.verdict == "either" else made.verdict):
        raise Wrong(f"a false exit code, expected {made.verdict}: {outcome}")
    if not outcome.stderr.strip().splitlines()[-1:] or not outcome.stderr.strip().splitlines()[-1].startswith("sjcp: "):
        raise Wrong(f"does not say why: {outcome}")
    # Nothing half done under a name that means something.
    for name, data in copy.found(at).items():
        if data not in (copy.wanted.get(name), copy.before.get(name)):
            raise Wrong(f"{name} is neither old nor new ({len(data)} bytes): {outcome}")
    for name in copy.before:
        if name not in copy.found(at):
            raise Wrong(f"{name} is gone: {outcome}")


def compare(found, wanted, when):
    if set(found) != set(wanted):
        raise Wrong(f"{when}: missing {sorted(set(wanted) - set(found))}, too much {sorted(set(found) - set(wanted))}")
    for name, data in wanted.items():
        if found[name] != data:
            raise Wrong(f"{when}: {name} has other bytes ({len(found[name])} instead of {len(data)})")


class Copy:
    """A command, and what is at its target."""

    def __init__(self, arguments, wanted, stdin=None):
        self.arguments = arguments
        self.wanted = wanted
        self.before = {}
        self.stdin = stdin
        self.stdout = None

    def run(self, at):
        outcome = at.run("cp", *self.arguments, stdin=self.stdin, bound=BOUND)
        self.stdout = outcome.stdout
        return outcome

    def clean(self, at):
        pass


class ToFolder(Copy):
    """wanted: by path below `folder`."""

    def __init__(self, folder, arguments, wanted):
        super().__init__(arguments, wanted)
        self.folder = folder

    def found(self, at):
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


class ToStdout(Copy):
    def found(self, at):
        # Of what failed, a beginning may have been written: that is a pipe's nature.
        whole = self.wanted["-"]
        return {"-": whole} if self.stdout == whole or whole.startswith(self.stdout) and self.failed else {"-": self.stdout}

    failed = False

    def run(self, at):
        outcome = super().run(at)
        self.failed = outcome.code != 0
        return outcome


class ToService(Copy):
    """What is there is read by a run of its own, when all is well."""

    def __init__(self, url, arguments, wanted, stdin=None):
        super().__init__(arguments, wanted, stdin)
        self.url = url
        self.reads = 0

    def found(self, at):
        self.reads += 1
        into = at.home / f"read{self.reads}"
        outcome = at.run("cp", "-r", self.url, f"{into}/")
        if outcome.code == 3:
            return {}
        if outcome.code != 0:
            raise Wrong(f"what it left cannot be read: {outcome}")
        return {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}

    def clean(self, at):
        at.run("rm", "-r", self.url)


def write(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def prepare(at, made, prefix):
    """Everything that is there before the faults."""
    source, target = at.home / "source", at.home / "target"
    source.mkdir()
    target.mkdir()
    name, data = next(iter(made.files.items()))
    kind = made.kind
    if made.behave:
        at.web.behave = made.behave
    if kind.startswith("hf"):
        at.new_hub(made.files, **made.hub_options)
    first = kind.partition("-")[0]
    recursive = ["-r"] if kind.endswith("-r") else []
    service = f"{first}://{place.BUCKET}/{prefix}" if first in ("sj", "s3") else None
    if kind.endswith(("-down", "-down-r", "-stdout")) and service or kind in ("sj-to-s3", "s3-to-sj"):
        write(source, made.files)
        at.must("cp", "-r", f"{source}/", service)
    if kind.endswith(("-up", "-up-r")):
        write(source, made.files)
        what = [f"{source}/"] if recursive else [source / name]
        copy = ToService(service, [*made.options, *recursive, *what, service], made.files)
    elif kind == "sj-stdin":
        copy = ToService(service, [*made.options, "-", service + name], made.files, stdin=data)
    elif kind == "sj-stdout":
        copy = ToStdout([*made.options, service + name, "-"], {"-": data})
    elif kind.endswith("-to-s3") or kind.endswith("-to-sj"):
        to = f"{kind[-2:]}://{place.BUCKET}/{prefix}to/"
        origin = at.web.url(f"{prefix}{name}") if first == "http" else service + name
        copy = ToService(to, [*made.options, origin, to + name], made.files)
    elif kind == "http-down":
        copy = ToFolder(target, [*made.options, at.web.url(f"{prefix}{name}"), target / name], made.files)
    elif kind == "hf-down-r":
        copy = ToFolder(target, [*made.options, "-r", f"hf://{place.MODEL}", f"{target}/"], made.files)
    else:
        what = [service, f"{target}/"] if recursive else [service + name, target / name]
        copy = ToFolder(target, [*made.options, *recursive, *what], made.files)
    if made.old and isinstance(copy, ToFolder):
        copy.before = {name: OLD}
        write(target, copy.before)
    return copy
