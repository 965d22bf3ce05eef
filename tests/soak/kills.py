"""Kills at random moments: right after the same command ran again, nothing is wrong and nothing is left."""

import dataclasses
import random
import subprocess
import threading
import time

import harness
import place
import transfers

MB = 1_000_000
# A size below what is resumed, and one above it, where the kind resumes.
KINDS = {
    "sj-down": [3 * MB, 24 * MB], "sj-up": [3 * MB, 24 * MB, 140 * MB], "sj-stdin": [24 * MB], "sj-up-r": [MB],
    "s3-down": [3 * MB, 24 * MB], "s3-up": [3 * MB, 40 * MB], "s3-up-r": [MB], "http-down": [3 * MB, 24 * MB],
    "hf-down-r": [3 * MB, 24 * MB], "hf-cache": [24 * MB], "sj-to-s3": [24 * MB], "s3-to-sj": [24 * MB],
    "http-to-sj": [24 * MB],
}


@dataclasses.dataclass
class Kill:
    seed: int
    kind: str
    size: int
    files: dict
    moment: float  # of the time that the copy takes undisturbed
    behave: object = None
    options: list = dataclasses.field(default_factory=list)
    hub_options: dict = dataclasses.field(default_factory=dict)
    old: bool = False

    def __str__(self):
        return f"{self.kind} of {len(self.files)} of {self.size} bytes, killed after {self.moment:.3f} of its time"


def draw(seed):
    rng = random.Random(seed)
    kind = rng.choice(list(KINDS))
    size = rng.choice(KINDS[kind])
    count = 8 if kind.endswith("-up-r") else 2 if kind.endswith("-r") else 1
    files = {f"f{i}": harness.some_bytes(size, f"{seed}/{i}") for i in range(count)}
    made = Kill(seed, kind, size, files, rng.random())
    if "http" in kind:
        data = files["f0"]
        made.behave = lambda request: place.unruly.serve(request, data)
    return made


def run(at, made, times):
    """times: seconds that copies of a kind and size take undisturbed, by both; filled here."""
    key = (made.kind, made.size)
    if key not in times:
        at.begin(f"{made.seed}-calm")
        copy = prepare(at, made, f"{made.seed}-calm/")
        times[key] = copy.run(at).seconds
        copy.clean(at)
    at.begin(made.seed)
    copy = prepare(at, made, f"{made.seed}/")
    process = at.start("cp", *copy.arguments, stdin=subprocess.DEVNULL if copy.stdin is None else subprocess.PIPE)
    if copy.stdin is not None:
        feed(process, copy.stdin)
    time.sleep(made.moment * times[key])
    process.kill()
    process.communicate()
    outcome = copy.run(at)
    if outcome.code != 0:
        raise transfers.Wrong(f"fails after a kill: {outcome}")
    transfers.compare(copy.found(at), copy.wanted, "after a kill")
    nothing_left(at, made)
    copy.clean(at)
    return outcome.seconds


def feed(process, data):
    """In a thread of its own, which ends with the process."""
    pipe, process.stdin = process.stdin, None

    def write():
        try:
            with pipe:
                pipe.write(data)
        except OSError:
            pass
    threading.Thread(target=write, daemon=True).start()


def nothing_left(at, made):
    for service in ("sj", "s3"):
        if service not in made.kind:
            continue
        listed = at.must("ls", "--pending", "-r", f"{service}://{place.BUCKET}/{made.seed}/").stdout.decode().strip()
        if listed:
            raise transfers.Wrong(f"pending at {service}: {listed}")
    beside = [str(path) for path in at.home.rglob("*") if "sjcp-" in path.name or path.name.endswith(".incomplete")]
    if beside:
        raise transfers.Wrong(f"left beside the target: {beside}")


class ToCache(transfers.Copy):
    def found(self, at):
        snapshots = list((at.home / ".cache/huggingface/hub").glob("models--*/snapshots/*"))
        return {path.name: path.read_bytes() for folder in snapshots for path in folder.iterdir()}


def prepare(at, made, prefix):
    if made.kind != "hf-cache":
        return transfers.prepare(at, made, prefix)
    at.new_hub(made.files)
    return ToCache(["-r", "--hf-cache", f"hf://{place.MODEL}"], made.files)
