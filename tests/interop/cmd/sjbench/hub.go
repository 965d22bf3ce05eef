package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sjcp/tests/interop/peer"
)

//go:embed hubget.py
var hubgetScript string

const hubRepo = "bench/model"

// What the repository has: 1 GiB in 20 files, of kinds and sizes as models have them.
var hubContents = []struct {
	name  string // with the number of the file, where there are several
	count int
	bytes int64
	small bool // in Git itself
}{
	{"model-%05d-of-00006.safetensors", 6, 160 << 20, false},
	{"onnx/decoder_%d.onnx", 4, 14 << 20, false},
	{"tokenizer/merges_%d.bin", 4, 2 << 20, false},
	{"config_%d.json", 6, 20 << 10, true},
}

// hubCopy is a scenario that downloads a repository.
type hubCopy struct{ layout }

func (t hubCopy) run(b *bench, _ scenario) (outcome, error) {
	b, done, err := b.inMemory()
	if err != nil {
		return outcome{}, err
	}
	defer done()
	files, err := makeRepository(b.path("repository"))
	if err != nil {
		return outcome{}, err
	}
	want, err := treeSum(b.path("repository"))
	if err != nil {
		return outcome{}, err
	}
	s, err := b.open(t.layout)
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	if err := startHub(b, s, files); err != nil {
		return outcome{}, err
	}
	result := outcome{Profile: t.profile}
	for _, f := range files {
		result.Bytes += f.Size
	}
	able, skipped := b.ableOf(s, hubPrograms())
	result.Skipped = skipped
	err = b.steadyRounds(s, able, &result, func(p program) error {
		target, err := os.MkdirTemp(b.folder, "get-")
		if err != nil {
			return err
		}
		get := move{job: jobGetTree, label: jobGetTree, remote: hubRepo, local: target}
		if err := b.timed(s, p, get, &result); err != nil {
			return errors.Join(err, os.RemoveAll(target))
		}
		// What huggingface_hub notes beside a download is not of the repository.
		return errors.Join(os.RemoveAll(filepath.Join(target, ".cache")), checkTreeAt(target, want), os.RemoveAll(target))
	})
	result.finish()
	return result, err
}

func makeRepository(root string) (files []hubFile, err error) {
	for _, kind := range hubContents {
		for i := range kind.count {
			f := hubFile{Path: fmt.Sprintf(kind.name, i+1), Size: kind.bytes}
			f.Local = filepath.Join(root, f.Path)
			if err := os.MkdirAll(filepath.Dir(f.Local), 0o755); err != nil {
				return nil, err
			}
			file, err := os.Create(f.Local)
			if err != nil {
				return nil, err
			}
			sum, _, err := peer.Sum(io.TeeReader(peer.Content(uint64(len(files)+10), kind.bytes), file))
			if err := errors.Join(err, file.Close()); err != nil {
				return nil, err
			}
			if !kind.small {
				f.Sha256 = sum
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// startHub serves the files on the far side: small ones and what there is to know by sjbench itself, large ones by nginx.
func startHub(b *bench, s *site, files []hubFile) error {
	large := map[string]string{}
	for _, f := range files {
		if f.large() {
			large[f.Sha256] = f.Local
			large["object"] = f.Local
		}
	}
	storage, err := startWeb(b, s, large, false)
	if err != nil {
		return err
	}
	s.server = storage
	s.stops = append(s.stops, storage.close)
	list, err := json.Marshal(files)
	listFile := filepath.Join(s.folder, "hub.json")
	err = errors.Join(err, os.WriteFile(listFile, list, 0o644),
		os.WriteFile(filepath.Join(s.folder, "hubget.py"), []byte(hubgetScript), 0o644))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	address := s.bind + ":8080"
	if s.area == nil {
		if address, err = freeAddress(s, s.bind); err != nil {
			return err
		}
	}
	stop, _, err := s.serve(far, command{self, "hub", address, hubRepo, strings.TrimSuffix(storage.urls[0], "/object"), listFile})
	if err != nil {
		return err
	}
	s.stops = append(s.stops, stop)
	s.extra = append(s.extra, "HF_ENDPOINT=http://"+address, "HF_HOME="+filepath.Join(s.folder, "huggingface"), "HF_TOKEN=",
		"HF_HUB_ENABLE_HF_TRANSFER=1", "HF_HUB_DISABLE_XET=1", "HF_HUB_DISABLE_TELEMETRY=1", "HF_HUB_DISABLE_PROGRESS_BARS=1")
	return nil
}

func hubPrograms() []program {
	return []program{
		{"sjcp", "sjcp cp -r", ready, hubSjcp, false},
		{"huggingface_hub", "snapshot_download with hf_transfer", hubMissing("hub"), hubSnapshot("hub"), false},
		{"huggingface_hub today", "snapshot_download of the newest version", hubMissing("hub-today"), hubSnapshot("hub-today"), false},
	}
}

func hubMissing(environment string) func(b *bench, _ *site) string {
	return func(b *bench, _ *site) string {
		if _, err := os.Stat(b.python(environment)); err != nil {
			return "its Python environment is not there (scripts/setup --bench)"
		}
		return ""
	}
}

func hubSjcp(b *bench, _ *site, _, remote, local string) command {
	return command{b.tool("sjcp"), "cp", "--progress=none", "-r", "hf://" + remote, local}
}

func hubSnapshot(environment string) func(b *bench, s *site, _, remote, local string) command {
	return func(b *bench, s *site, _, remote, local string) command {
		return command{b.python(environment), filepath.Join(s.folder, "hubget.py"), remote, local}
	}
}
