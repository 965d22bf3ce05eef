#!/usr/bin/env python3
"""Transfers with faults drawn at random, or kills at random moments; see README.md.

Prints a line for every draw that ended wrongly, with the seed that repeats it, and a summary; 0: there was none."""

import argparse
import collections
import pathlib
import queue
import random
import sys
import tempfile
import threading
import time
import traceback

import draws
import kills
import place
import transfers


class Soak:
    def __init__(self, seeds, jobs, minutes, folder, verbose):
        self.left = queue.SimpleQueue()
        for seed in seeds:
            self.left.put(seed)
        self.jobs = jobs
        self.end = time.monotonic() + minutes * 60
        self.folder = pathlib.Path(folder)
        self.verbose = verbose
        self.lock = threading.Lock()
        self.kinds = collections.Counter()
        self.wrong = []
        self.slowest = (0, 0)
        self.times = {}  # of undisturbed copies, for kills

    def work(self, number, one):
        at = place.Place(self.folder / f"place{number}")
        try:
            while time.monotonic() < self.end:
                try:
                    seed = self.left.get_nowait()
                except queue.Empty:
                    return
                self.judge(at, seed, one)
        finally:
            at.stop()

    def judge(self, at, seed, one):
        made, seconds, wrong = None, 0, None
        try:
            made, seconds = one(at, seed)
        except transfers.Wrong as error:
            wrong = str(error)
        except Exception:  # of this program: as much a finding
            wrong = traceback.format_exc()
        with self.lock:
            self.slowest = max(self.slowest, (seconds, seed))
            self.kinds[made.kind if made else "wrong"] += 1
            if wrong:
                self.wrong.append(seed)
                print(f"WRONG --draw {seed}: {wrong}", flush=True)
            elif self.verbose:
                print(f"{seed} {seconds:.1f} s: {made}", flush=True)

    def transfer(self, at, seed):
        made = draws.draw(seed)
        try:
            return made, transfers.run(at, made)
        except transfers.Wrong as error:
            raise transfers.Wrong(f"{made}\n  {error}") from None

    def kill(self, at, seed):
        made = kills.draw(seed)
        try:
            return made, kills.run(at, made, self.times)
        except transfers.Wrong as error:
            raise transfers.Wrong(f"{made}\n  {error}") from None

    def run(self, one):
        workers = [threading.Thread(target=self.work, args=(i, one)) for i in range(self.jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=200)
    parser.add_argument("--kills", type=int, default=0, help="kill so many copies instead")
    parser.add_argument("--seed", type=int, default=None, help="of all draws; printed, by default a new one")
    parser.add_argument("--draw", type=int, action="append", help="repeat this one draw")
    parser.add_argument("--minutes", type=float, default=60, help="no new draw after that; those left out are told")
    parser.add_argument("--jobs", type=int, default=4, help="at once")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    wanted = options.kills or options.transfers
    seeds = options.draw or [seed * 100_000 + i for i in range(wanted)]
    print(f"soak: {len(seeds)} {'kills' if options.kills else 'transfers'}, --seed {seed}", flush=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sjcp-soak-") as folder:
        soak = Soak(seeds, min(options.jobs, len(seeds)), options.minutes, folder, options.verbose)
        soak.run(soak.kill if options.kills else soak.transfer)
    done = sum(soak.kinds.values())
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(soak.kinds.items()))
    print(f"soak: {done} of {len(seeds)} in {time.monotonic() - begin:.0f} s ({kinds}); {len(soak.wrong)} wrong; the slowest "
          f"{soak.slowest[0]:.1f} s (--draw {soak.slowest[1]})")
    sys.exit(1 if soak.wrong or done == 0 else 0)


if __name__ == "__main__":
    main()
