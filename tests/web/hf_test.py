"""sjcp and huggingface_hub with the same model hub (hub.py): downloads, its cache, its refusals, mirrors."""

import errno
import fcntl
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import harness
import hub as model_hub
from storj import start_network

NOT_FOUND, DENIED, PROTOCOL, INTEGRITY, LOCAL, SOME_FAILED = 3, 4, 5, 6, 7, 8


def real_model():
    """The files of a trained model that a Python package ships, {path: bytes}; nothing where it is not installed."""
    found = importlib.util.find_spec("silero_vad")
    if not found:
        return None
    # Not imported: that would need what the model is run with.
    folder = pathlib.Path(found.submodule_search_locations[0]) / "data"
    return {"model.safetensors": (folder / "silero_vad_16k.safetensors").read_bytes(),
            "onnx/model.onnx": (folder / "silero_vad.onnx").read_bytes(),
            "config.json": json.dumps({"sample_rate": 16000, "version": importlib.metadata.version("silero-vad")}).encode()}


def digests(files):
    return {path: model_hub.sha256(data) for path, data in files.items()}


def files_below(folder):
    """{path: digest}, as bytes that differ would be compared for minutes to be shown."""
    folder = pathlib.Path(folder)
    return digests({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()})


class HubTest(harness.WebTest):
    FILES = {
        "config.json": b'{"layers": 2}' * 300,
        "README.md": b"# A model\n",
        "a folder/notes & more.txt": b"text\n" * 50,
        "empty": b"",
        "copy of notes.txt": b"text\n" * 50,
        "model-00001.bin": harness.some_bytes(9_000_000, seed=1),
        "deep/er/model-00002.bin": harness.some_bytes(3_000_001, seed=2),
    }

    def start_hub(self, **options):
        hub = model_hub.Hub(**options)
        self.addCleanup(hub.stop)
        self.addCleanup(lambda: self.assertEqual(hub.violations, []))
        self.hub = hub
        return hub

    def hub_environment(self, **more):
        return {"HF_ENDPOINT": self.hub.endpoint, "HF_HOME": self.folder / "hf"} | more

    def sjcp_hub(self, *arguments, environment=None, **options):
        return self.sjcp(*arguments, environment=self.hub_environment(**(environment or {})), **options)

    def fail_hub(self, code, *arguments, words=(), environment=None):
        outcome = self.run_sjcp(*arguments, environment=self.hub_environment(**(environment or {})))
        self.assert_fails(outcome, code, *words)
        return outcome

    def python(self, code, **environment):
        """What a Python program prints that uses huggingface_hub; its cache is HF_HOME's."""
        harness.need_module("huggingface_hub")
        environment = self.environment(**self.hub_environment(**{
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", **environment}))
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True,
                              env=environment, timeout=harness.TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()


class Downloads(HubTest):
    def test_a_repository_arrives_as_huggingface_hub_has_it(self):
        self.start_hub(page=3).repo("org/model").commit(self.FILES)
        self.sjcp_hub("cp", "-r", "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
        self.hub.forget_requests()
        theirs = self.python("""
            import huggingface_hub
            print(huggingface_hub.snapshot_download("org/model"))""")
        self.assertEqual(files_below(theirs), files_below(self.folder / "ours"))

    def test_each_file_is_asked_for_once(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        self.sjcp_hub("cp", "-r", "-p", "4", "hf://org/model", "ours/")
        self.assertEqual(self.hub.count("hub", path="/api/"), 2)  # the commit, and one page
        self.assertEqual(self.hub.count("hub", "HEAD"), 0)
        self.assertEqual(self.hub.count("hub", path="/resolve/"), len(self.FILES) - 1)  # nothing to ask of an empty one
        self.assertEqual(self.hub.count("hub", path="model-00001.bin"), 1)

    def test_one_file_of_a_branch_a_pull_request_and_a_commit(self):
        repo = self.start_hub().repo("org/data", kind="datasets")
        first = repo.commit({"x/file.txt": b"first"})
        repo.commit({"x/file.txt": b"second"}, ref="feature/x")
        repo.commit({"x/file.txt": b"third"}, ref="refs/pr/1")
        for revision, expected in ((f"@{first}", b"first"), ("", b"first"), ("@feature%2Fx", b"second"),
                                   ("@refs/pr/1", b"third")):
            with self.subTest(revision=revision):
                self.sjcp_hub("cp", f"hf://datasets/org/data{revision}/x/file.txt", "file")
                self.assert_file(self.folder / "file", expected)

    def test_a_part_of_a_large_file(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        self.sjcp_hub("cp", "--range", "1000000-4999999", "hf://org/model/model-00001.bin", "part")
        self.assert_file(self.folder / "part", self.FILES["model-00001.bin"][1_000_000:5_000_000])

    def test_a_folder_of_a_repository(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        self.sjcp_hub("cp", "-r", "hf://org/model/deep/", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests({"er/model-00002.bin": self.FILES["deep/er/model-00002.bin"]}))

    def test_over_tls_with_an_authority_of_our_own(self):
        self.start_hub(authority=self.authority).repo("org/model").commit(self.FILES)
        self.sjcp_hub("cp", "-r", "--cacert", self.authority.ca, "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))

    def test_authorities_that_the_environment_names(self):
        self.start_hub(authority=self.authority).repo("org/model").commit({"f": b"abc"})
        other = harness.Authority(self.folder / "other").ca
        for trusted in ({"SSL_CERT_FILE": self.authority.ca}, {"REQUESTS_CA_BUNDLE": self.authority.ca},
                        {"SSL_CERT_FILE": self.authority.ca, "REQUESTS_CA_BUNDLE": other}):
            self.sjcp_hub("cp", "-r", "hf://org/model", "ours/", environment=trusted)
        self.fail_hub(INTEGRITY, "cp", "-r", "hf://org/model", "x/",
                      environment={"SSL_CERT_FILE": other, "REQUESTS_CA_BUNDLE": self.authority.ca})
        (self.folder / "none.pem").write_text("no certificate")
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            for file in ("none.pem", "missing.pem"):
                self.fail_hub(LOCAL, "cp", "-r", "hf://org/model", "x/", words=[name, file],
                              environment={name: self.folder / file})

    def test_a_repository_that_moved(self):
        hub = self.start_hub()
        hub.repo("new/model").commit(self.FILES)
        old = hub.repo("old/model")
        old.moved_to = "new/model"
        self.sjcp_hub("cp", "-r", "hf://old/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
        self.sjcp_hub("cp", "hf://old/model/model-00001.bin", "one")
        self.assert_file(self.folder / "one", self.FILES["model-00001.bin"])

    def test_a_repository_of_one_word(self):
        hub = self.start_hub()
        hub.repo("owner/gpt2").commit(self.FILES)
        hub.repo("gpt2").moved_to = "owner/gpt2"
        self.sjcp_hub("cp", "-r", "hf://gpt2", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
        self.sjcp_hub("cp", "hf://gpt2@main/config.json", "one")
        self.assert_file(self.folder / "one", self.FILES["config.json"])
        # Two words are an owner and a name.
        self.fail_hub(NOT_FOUND, "cp", "-r", "hf://gpt2/config.json", "x/", words=["gpt2/config.json"])
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://gpt2@main")
        found = self.python("""
            import huggingface_hub
            print(huggingface_hub.snapshot_download("gpt2"))""", HF_HUB_OFFLINE="1")
        self.assertEqual(files_below(found), digests(self.FILES))

    def test_a_listing(self):
        self.start_hub(page=2).repo("org/model").commit(self.FILES)
        lines = self.sjcp_hub("ls", "hf://org/model").stdout
        for name in ("config.json", "a folder/", "deep/"):
            self.assertIn(name, lines)
        self.assertNotIn("model-00002.bin", lines)
        lines = self.sjcp_hub("ls", "-r", "hf://org/model").stdout
        self.assertIn("deep/er/model-00002.bin", lines)
        self.assertIn("3000001", lines)


class Troubles(HubTest):
    def test_links_that_expire_are_asked_for_again(self):
        hub = self.start_hub(link_uses=2)
        hub.repo("org/model").commit(self.FILES)
        for data in self.FILES.values():
            hub.cut_after[model_hub.sha256(data)] = 1_000_000
        self.sjcp_hub("cp", "-r", "-p", "4", "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))

    def test_limits_are_waited_for(self):
        hub = self.start_hub()
        hub.repo("org/model").commit({"file": b"bytes"})
        hub.refuse(429, {"RateLimit": '"api";r=0;t=1'}, times=2)
        self.sjcp_hub("cp", "hf://org/model/file", "file")
        self.assert_file(self.folder / "file", b"bytes")

    def test_half_as_many_requests_go_on_where_the_hub_asks_for_fewer(self):
        files = {f"{number:03}.txt": f"file {number}".encode() for number in range(120)}
        files |= {f"{number:03}.bin": harness.some_bytes(100_000 + number, number) for number in range(20)}
        hub = self.start_hub(most=6, pause=0.05)
        hub.repo("org/model").commit(files)
        outcome = self.sjcp_hub("cp", "-r", "-t", "48", "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(files))
        self.assertIn(f"{hub.endpoint}/: asks for fewer requests; at most ", outcome.stderr)
        self.assertLess(hub.refused, 90)

    def test_a_hub_that_stumbles_is_asked_again(self):
        hub = self.start_hub()
        hub.repo("org/model").commit(self.FILES)
        hub.refuse(503, {"Retry-After": "0"})
        hub.refuse(500, server="delivery")
        self.sjcp_hub("cp", "-r", "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))

    def test_answers_that_are_none(self):
        """A size that is no number, pages of a login, a commit that is none: never files of other bytes, never 0."""
        entry = {"type": "file", "path": "f", "size": 3, "oid": model_hub.git_oid(b"abc")}
        login = b"<html>Log in</html>"
        page = {"Content-Type": "text/html"}
        answers = {
            "a size in quotes": ("/tree/", json.dumps([entry | {"size": " 3"}]).encode()),
            "no size": ("/tree/", json.dumps([{key: entry[key] for key in ("type", "path", "oid")}]).encode()),
            "a login instead of a listing": ("/tree/", login),
            "a listing in an object": ("/tree/", json.dumps({"error": "log in", "files": [entry]}).encode()),
            "a login instead of a revision": ("/revision/", login),
            "a commit that is none": ("/revision/", b'{"sha": "main"}'),
            "an error as JSON": ("/revision/", b'{"error": "Unauthorized"}'),
        }
        for what, (path, body) in answers.items():
            with self.subTest(what):
                hub = self.start_hub()
                hub.repo("org/model").commit({"f": b"abc"})
                hub.instead[path] = (200, page, body)
                self.fail_hub(PROTOCOL, "cp", "-r", "hf://org/model", "x/", words=["hf://org/model"])
                self.assertFalse((self.folder / "x/f").exists())
        for data, code in ((b"abc", PROTOCOL), (bytes(len(login)), INTEGRITY)):
            with self.subTest("a login instead of the file", size=len(data)):
                hub = self.start_hub()
                hub.repo("org/model").commit({"f": data})
                hub.instead["/resolve/"] = (200, page, login)
                outcome = self.run_sjcp("cp", "-r", "hf://org/model", "x/", environment=self.hub_environment())
                self.assertIn(outcome.code, (code, SOME_FAILED), outcome)
                self.assertFalse((self.folder / "x/f").exists())

    def test_a_listing_without_end(self):
        for cursors, reason in ((["1", "2", "1"], "leads back"), ([str(number) for number in range(100)], "empty")):
            with self.subTest(reason):
                hub = self.start_hub()
                commit = hub.repo("org/model").commit({"f": b"abc"})
                url = f"/api/models/org/model/tree/{commit}?recursive=true&expand=false"
                for before, after in zip([None, *cursors], cursors):
                    path = f"&cursor={before}." if before else "expand=false"
                    link = {"Link": f'<{url}&cursor={after}.>; rel="next"'}
                    hub.instead = {path: (200, link, b"[]"), **hub.instead}
                self.fail_hub(PROTOCOL, "cp", "-r", "hf://org/model", "x/", words=["does not end", reason])

    def test_what_an_answer_has_besides_costs_no_memory(self):
        peak = """
            import resource, subprocess, sys
            code = subprocess.run(sys.argv[1:]).returncode
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
            sys.exit(code)"""
        entry = json.dumps({"type": "file", "path": "f", "size": 3, "oid": model_hub.git_oid(b"abc"), "besides": []})
        page = f"[{entry}]".replace("[]", f"[{'0,' * (15 << 20)}0]").encode()
        description = b'{"siblings": [' + b'{"rfilename": "name"},' * (80_000_000 // 22) + b"{}]}"
        for path, body, code, said in (("/tree/", page, 0, ""), ("/revision/", description, PROTOCOL, "longer than"),
                                       ("/tree/", page * 3, PROTOCOL, "longer than")):
            hub = self.start_hub()
            hub.repo("org/model").commit({"f": b"abc"})
            hub.instead[path] = (200, {}, body)
            done = subprocess.run([sys.executable, "-c", textwrap.dedent(peak), harness.sjcp_program(), "cp", "-r",
                                   "hf://org/model", "ours/"], capture_output=True, text=True, cwd=self.folder,
                                  env=self.environment(**self.hub_environment()), timeout=harness.TIMEOUT)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertLess(int(done.stderr.splitlines()[-1]), 200, done.stderr)
        self.assert_file(self.folder / "ours/f", b"abc")

    def test_no_other_host_gets_the_token(self):
        hub = self.start_hub()
        commit = hub.repo("org/model").commit(self.FILES)
        tree = f"/api/models/org/model/tree/{commit}"
        elsewhere = {"Location": f"{hub.delivery}/elsewhere"}
        secret = {"HF_TOKEN": "hf_secret"}
        for path in ("/revision/main", "/tree/", "/resolve/"):
            hub.instead = {path: (307, elsewhere, b"")}
            outcome = self.run_sjcp("cp", "-r", "hf://org/model", "x/", environment=self.hub_environment(**secret))
            self.assertNotEqual(outcome.code, 0, outcome)
            self.assertNotIn("hf_secret", outcome.stderr)
            self.assertGreater(self.hub.count("delivery"), 0)
            self.hub.forget_requests()
        # A page at another host is asked of the hub.
        hub.instead = {"expand=false": (200, {"Link": f'<{hub.delivery}{tree}?recursive=true>; rel="next"'}, b"[]")}
        self.sjcp_hub("cp", "-r", "hf://org/model", "ours/", environment=secret)
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))

    def test_what_is_not_there(self):
        hub = self.start_hub()
        hub.repo("org/model").commit(self.FILES)
        hub.repo("org/secret", private="hf_right").commit(self.FILES)
        self.fail_hub(NOT_FOUND, "cp", "hf://org/model/missing", "x", words=["hf://org/model/missing", "does not exist"])
        self.fail_hub(NOT_FOUND, "cp", "-r", "hf://org/none", "x/", words=["org/none", "HF_TOKEN"])
        self.fail_hub(NOT_FOUND, "cp", "-r", "hf://org/model@v9", "x/", words=["no revision", "v9"])
        self.fail_hub(NOT_FOUND, "cp", "hf://org/model@feature/x/f", "x", words=['no revision "feature"', "%2F"])
        self.fail_hub(NOT_FOUND, "cp", "hf://org/secret/config.json", "x", words=["HF_TOKEN"])
        self.assertFalse((self.folder / "x").exists())

    def test_a_gated_repository(self):
        self.start_hub().repo("org/gated", gated="hf_right").commit(self.FILES)
        terms = f"{self.hub.endpoint}/org/gated"
        for arguments in (("cp", "-r", "hf://org/gated", "x/"), ("cp", "hf://org/gated/config.json", "x")):
            self.fail_hub(DENIED, *arguments, words=["gated", terms, "set HF_TOKEN"])
            outcome = self.fail_hub(DENIED, *arguments, words=["gated", terms],
                                    environment={"HF_TOKEN": "hf_wrong"})
            self.assertNotIn("hf_wrong", outcome.stderr)
        self.sjcp_hub("cp", "-r", "hf://org/gated", "ours/", environment={"HF_TOKEN": "hf_right"})
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))

    def test_bytes_with_another_digest(self):
        for path in ("config.json", "model-00001.bin"):
            with self.subTest(path=path):
                hub = self.start_hub()
                hub.repo("org/model").commit(self.FILES)
                hub.damaged.add(model_hub.sha256(self.FILES[path]))
                (self.folder / "old").write_bytes(b"old")
                self.fail_hub(INTEGRITY, "cp", f"hf://org/model/{path}", "old", words=[f"hf://org/model/{path}"])
                self.assert_file(self.folder / "old", b"old")

    def test_names_that_lead_out_of_the_folder(self):
        self.start_hub().repo("org/model").commit({"good": b"1", "../evil": b"2"})
        for arguments in (("hf://org/model", "inner/ours/"), ("--hf-cache", "hf://org/model")):
            outcome = self.run_sjcp("cp", "-r", *arguments, environment=self.hub_environment())
            self.assertEqual(outcome.code, SOME_FAILED, outcome)
            self.assertIn("evil", outcome.stderr)
        self.assertEqual([str(path) for path in self.folder.rglob("evil")], [])
        self.assert_file(self.folder / "inner/ours/good", b"1")

    def test_names_that_are_none(self):
        self.start_hub()
        for name in ("hf://datasets", "hf://a/b--c/x", "hf://a/b@../x", "hf://buckets/a/b/x"):
            with self.subTest(name=name):
                self.fail_hub(2, "cp", name, "x", words=[name[:8]])
        self.assertEqual(self.hub.requests, [])

    def test_offline_nothing_is_asked(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            self.fail_hub(2, "cp", "-r", "hf://org/model", "x/", words=[name], environment={name: "1"})
        self.assertEqual(self.hub.requests, [])


class Cache(HubTest):
    def test_huggingface_hub_finds_what_sjcp_wrote(self):
        commit = self.start_hub(page=3).repo("org/model").commit(self.FILES)
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model")
        self.hub.forget_requests()
        found = self.python("""
            import huggingface_hub
            print(huggingface_hub.snapshot_download("org/model"))
            print(huggingface_hub.hf_hub_download("org/model", "a folder/notes & more.txt"))
            cache = huggingface_hub.scan_cache_dir()
            print(len(cache.warnings), *[revision.commit_hash for repo in cache.repos for revision in repo.revisions])
            """, HF_HUB_OFFLINE="1").splitlines()
        self.assertEqual(files_below(found[0]), digests(self.FILES))
        self.assert_file(found[1], self.FILES["a folder/notes & more.txt"])
        self.assertEqual(found[2], f"0 {commit}")
        self.assertEqual(self.hub.requests, [])

    def test_online_huggingface_hub_fetches_nothing_again(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model")
        self.hub.forget_requests()
        self.python("""
            import huggingface_hub
            huggingface_hub.snapshot_download("org/model")""")
        self.assertEqual(self.hub.count(method="GET", path="/resolve/"), 0)
        self.assertEqual(self.hub.count("delivery"), 0)

    def test_sjcp_fetches_nothing_that_is_there(self):
        repo = self.start_hub().repo("org/model")
        repo.commit(self.FILES)
        self.python("""
            import huggingface_hub
            huggingface_hub.snapshot_download("org/model")""")
        self.hub.forget_requests()
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model")
        self.assertEqual(self.hub.count(path="/resolve/"), 0)
        # A later revision takes what both have from the cache.
        repo.commit({**self.FILES, "config.json": b"{}"})
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model")
        self.assertEqual(self.hub.count(path="/resolve/"), 1)
        found = self.python("""
            import huggingface_hub
            print(huggingface_hub.snapshot_download("org/model"))""", HF_HUB_OFFLINE="1")
        self.assertEqual(files_below(found), digests({**self.FILES, "config.json": b"{}"}))

    def test_where_there_are_no_links(self):
        """As on exFAT, SMB and some FUSE: files stand in the snapshot, one warning, and huggingface_hub reads them."""
        for error in (errno.EPERM, errno.ENOSYS):
            with self.subTest(errno.errorcode[error]):
                repo = self.start_hub(page=3).repo("org/model")
                repo.commit(self.FILES)
                bare = {"LD_PRELOAD": harness.preloaded("nolinks"), "SJCP_NO_LINKS": error,
                        "HF_HOME": self.folder / f"hf-{error}"}
                outcome = self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model", environment=bare)
                self.assertEqual(outcome.stderr.count("no symbolic links"), 1, outcome)
                snapshot = pathlib.Path(outcome.stdout.strip())
                self.assertEqual(files_below(snapshot), digests(self.FILES))
                self.assertEqual([path for path in snapshot.rglob("*") if path.is_symlink()], [])
                self.assertEqual(list((snapshot.parents[1] / "blobs").iterdir()), [])
                self.hub.forget_requests()
                load = """
                    import huggingface_hub
                    print(huggingface_hub.snapshot_download("org/model"))"""
                self.assertEqual(self.python(load, HF_HUB_OFFLINE="1", **bare), str(snapshot))
                self.assertEqual(self.python(load, HF_HUB_DISABLE_SYMLINKS_WARNING="1", **bare), str(snapshot))
                self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model", environment=bare)
                self.assertEqual(self.hub.count(method="GET", path="/resolve/"), 0)

    def test_files_that_huggingface_hub_wrote_without_links(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        bare = {"LD_PRELOAD": harness.preloaded("nolinks"), "HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}
        self.python("""
            import huggingface_hub
            huggingface_hub.snapshot_download("org/model", max_workers=1)""", **bare)
        self.hub.forget_requests()
        outcome = self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model", environment=bare)
        self.assertEqual(outcome.stderr, "")
        self.assertEqual(self.hub.count(path="/resolve/"), 0)

    def test_several_at_once_fetch_each_file_once(self):
        self.start_hub(pause=0.1).repo("org/model").commit(self.FILES)
        environment = self.hub_environment()
        four = [self.start("cp", "-r", "--hf-cache", "hf://org/model", environment=environment) for _ in range(4)]
        for process in four:
            out, said = process.communicate(timeout=harness.TIMEOUT)
            self.assertEqual(process.returncode, 0, said)
            self.assertEqual(files_below(out.strip()), digests(self.FILES))
        # Two files have the same bytes, and of an empty one there is nothing to ask for.
        self.assertEqual(self.hub.count("hub", path="/resolve/"), len(self.FILES) - 2)
        left = [path.name for path in (self.folder / "hf").rglob("*") if "sjcp" in path.name]
        self.assertEqual(left, [])

    def test_a_blob_that_another_program_is_writing_is_waited_for(self):
        data = self.FILES["model-00001.bin"]
        self.start_hub().repo("org/model").commit({"model.bin": data})
        hub_cache = self.folder / "hf/hub"
        locks, blobs = hub_cache / ".locks/models--org--model", hub_cache / "models--org--model/blobs"
        for folder in (locks, blobs):
            folder.mkdir(parents=True)
        with open(locks / f"{model_hub.sha256(data)}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = self.start("cp", "-r", "--hf-cache", "hf://org/model", environment=self.hub_environment())
            self.assertIn("another process is writing it", process.stderr.readline())
            partial = blobs / f"{model_hub.sha256(data)}.1a2b3c4d.incomplete"
            partial.write_bytes(data)
            partial.rename(blobs / model_hub.sha256(data))
        out, said = process.communicate(timeout=harness.TIMEOUT)
        self.assertEqual(process.returncode, 0, said)
        self.assert_file(pathlib.Path(out.strip()) / "model.bin", data)
        self.assertEqual(self.hub.count(path="/resolve/"), 0)

    def test_variables_in_the_names_of_folders(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        for name in ("$HOME/x", "~/y", "${HOME}/z"):
            with self.subTest(name):
                there = {"HF_HOME": name}
                outcome = self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model", environment=there)
                self.assertTrue(outcome.stdout.startswith(str(self.home)), outcome)
                found = self.python("""
                    import huggingface_hub
                    print(huggingface_hub.snapshot_download("org/model"))""", HF_HUB_OFFLINE="1", **there)
                self.assertEqual(found, outcome.stdout.strip())

    def test_an_interrupted_download_leaves_no_revision(self):
        hub = self.start_hub()
        hub.repo("org/model").commit(self.FILES)
        hub.damaged.add(model_hub.sha256(self.FILES["model-00001.bin"]))
        outcome = self.run_sjcp("cp", "-r", "--hf-cache", "hf://org/model", environment=self.hub_environment())
        self.assertNotEqual(outcome.code, 0)
        repo = self.folder / "hf/hub/models--org--model"
        self.assertFalse((repo / "refs/main").exists())
        hub.damaged.clear()
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/model")
        self.assertEqual(len((repo / "refs/main").read_bytes()), 40)

    def test_a_pull_request_and_a_dataset_in_a_cache_elsewhere(self):
        self.start_hub().repo("org/data", kind="datasets").commit(self.FILES, ref="refs/pr/7")
        elsewhere = {"HF_HUB_CACHE": self.folder / "elsewhere"}
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://datasets/org/data@refs/pr/7", environment=elsewhere)
        found = self.python("""
            import huggingface_hub
            print(huggingface_hub.snapshot_download("org/data", repo_type="dataset", revision="refs/pr/7"))
            """, HF_HUB_OFFLINE="1", **elsewhere)
        self.assertTrue(found.startswith(str(self.folder / "elsewhere")))
        self.assertEqual(files_below(found), digests(self.FILES))

    def test_a_trained_model_loads_from_the_cache(self):
        model = real_model()
        if not model:
            harness.need_module("silero_vad")
        harness.need_module("safetensors")
        self.start_hub().repo("org/voice").commit(model)
        self.sjcp_hub("cp", "-r", "--hf-cache", "hf://org/voice")
        (self.folder / "original").write_bytes(model["model.safetensors"])
        said = self.python(f"""
            import numpy, safetensors.numpy
            from huggingface_hub import ModelHubMixin, hf_hub_download

            class Voice(ModelHubMixin):
                def __init__(self, sample_rate, version):
                    self.sample_rate = sample_rate

                @classmethod
                def _from_pretrained(cls, *, model_id, revision, cache_dir, local_files_only, **options):
                    voice = cls(options["sample_rate"], options["version"])
                    voice.tensors = safetensors.numpy.load_file(hf_hub_download(model_id, "model.safetensors"))
                    return voice

            voice = Voice.from_pretrained("org/voice")
            original = safetensors.numpy.load_file({str(self.folder / "original")!r})
            same = all(numpy.array_equal(original[name], voice.tensors[name]) for name in original)
            print(voice.sample_rate, len(original) > 5 and same)""", HF_HUB_OFFLINE="1")
        self.assertEqual(said, "16000 True")


class Mirrors(HubTest):
    LARGE = [path for path, data in HubTest.FILES.items() if len(data) >= model_hub.LARGE]

    def start_mirror(self, paths, oid=None):
        """A web server that has these files in the published layout."""
        repo = self.hub.repos["models", "org/model"]
        oid = oid or repo.oid
        root = self.folder / "mirror"
        folder = root / "prefix/repos" / oid[:2] / oid[2:4] / oid
        folder.mkdir(parents=True)
        for path in paths:
            (folder / model_hub.sha256(self.FILES[path])).write_bytes(self.FILES[path])
        os.chmod(self.folder, 0o755)
        nginx = harness.Nginx(self.folder / "nginx", root, self.authority)
        self.addCleanup(nginx.stop)
        return nginx

    def asked_of(self, nginx):
        return [line for line in nginx.log.read_text().splitlines() if '" 206 ' in line or '" 200 ' in line]

    def test_large_files_come_from_the_mirror(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        nginx = self.start_mirror(self.LARGE)
        self.sjcp_hub("cp", "-r", "--mirror", nginx.url("prefix"), "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
        self.assertEqual(self.hub.count("delivery"), 0)
        self.assertGreaterEqual(len(self.asked_of(nginx)), len(self.LARGE))

    def test_what_the_mirror_lacks_comes_from_the_hub(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        nginx = self.start_mirror(self.LARGE[:1])
        self.sjcp_hub("cp", "-r", "--mirror", nginx.url("prefix/"), "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
        self.assertGreater(self.hub.count("delivery"), 0)

    def test_a_mirror_that_is_gone_is_no_failure(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        gone = f"http://127.0.0.1:{harness.free_port()}/prefix"
        outcome = self.sjcp_hub("cp", "-r", "-j", "1", "--retry-time", "1s", "--mirror", gone, "hf://org/model", "ours/")
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
        # Once for all files.
        self.assertEqual(outcome.stderr.count("the mirror fails"), 1, outcome)

    def test_a_template_says_where_files_are(self):
        self.start_hub(published=False).repo("org/model").commit(self.FILES)
        root = self.folder / "mirror"
        (root / "models/org/model").mkdir(parents=True)
        (root / "models/org/model/model-00001.bin").write_bytes(self.FILES["model-00001.bin"])
        os.chmod(self.folder, 0o755)
        nginx = harness.Nginx(self.folder / "nginx", root, self.authority)
        self.addCleanup(nginx.stop)
        self.sjcp_hub("cp", "--mirror", nginx.url("{repo}/{path}"), "hf://org/model/model-00001.bin", "one")
        self.assert_file(self.folder / "one", self.FILES["model-00001.bin"])
        self.assertEqual(self.hub.count("delivery"), 0)

    def test_wrong_bytes_of_a_mirror_are_found(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        nginx = self.start_mirror(self.LARGE)
        for path in (self.folder / "mirror").rglob("*"):
            if path.is_file():
                path.write_bytes(bytes(len(path.read_bytes())))
        self.fail_hub(INTEGRITY, "cp", "--mirror", nginx.url("prefix"), "hf://org/model/model-00001.bin", "one")
        self.assertFalse((self.folder / "one").exists())

    def test_a_mirror_on_storj_serves_large_files(self):
        self.start_hub().repo("org/model").commit(self.FILES)
        grant = {"SJCP_ACCESS": start_network(self)}
        self.sjcp("mb", "sj://models", environment=grant)
        oid = self.hub.repos["models", "org/model"].oid
        for path in self.LARGE:
            (self.folder / "large").write_bytes(self.FILES[path])
            key = f"repos/{oid[:2]}/{oid[2:4]}/{oid}/{model_hub.sha256(self.FILES[path])}"
            self.sjcp("cp", "large", f"sj://models/lfs/{key}", environment=grant)
        self.sjcp_hub("cp", "-r", "--mirror", "sj://models/lfs", "hf://org/model", "ours/", environment=grant)
        self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
        self.assertEqual(self.hub.count("delivery"), 0)

    def test_a_mirror_on_storj_is_made_and_used(self):
        for published in (True, False):
            with self.subTest(published=published):
                self.start_hub(published=published).repo("org/model").commit(self.FILES)
                grant = {"SJCP_ACCESS": start_network(self)}
                self.sjcp("mb", "sj://models", environment=grant)
                self.sjcp_hub("mirror", "hf://org/model", "sj://models/lfs", environment=grant)
                keys = self.sjcp("ls", "-r", "sj://models", environment=grant).stdout
                repo = self.hub.repos["models", "org/model"]
                for path in self.LARGE:
                    self.assertIn(model_hub.sha256(self.FILES[path]), keys)
                if published:
                    self.assertIn(f"lfs/repos/{repo.oid[:2]}/{repo.oid[2:4]}/{repo.oid}/", keys)
                self.hub.forget_requests()
                # What is there is not copied again.
                self.sjcp_hub("mirror", "hf://org/model", "sj://models/lfs", environment=grant)
                self.assertEqual(self.hub.count("delivery"), 0)
                self.sjcp_hub("cp", "-r", "--mirror", "sj://models/lfs", "hf://org/model", "ours/", environment=grant)
                self.assertEqual(files_below(self.folder / "ours"), digests(self.FILES))
                self.assertEqual(self.hub.count("delivery"), 0)


if __name__ == "__main__":
    harness.main()
