package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"storj.io/uplink"

	"sjcp/tests/interop/peer"
)

// client is one of the two implementations; every round trip is made with each of them on either end.
type client interface {
	name() string
	put(t *testing.T, grant, key, path string)
	// get returns the SHA-256 of bytes [offset, offset+length) of the object; a negative length means to its end.
	get(t *testing.T, grant, key string, offset, length int64) string
	list(t *testing.T, grant, prefix string, recursive bool) []peer.Entry
	remove(t *testing.T, grant, key string)
}

var (
	library = libraryClient{}
	sjcp    = sjcpClient{}
	clients = []client{library, sjcp}
)

// libraryClient is the published library.
type libraryClient struct{}

func (libraryClient) name() string { return "library" }

// with runs use on the project of a grant, again where the satellite limits the rate of requests.
func (libraryClient) with(t *testing.T, grant string, use func(project *uplink.Project) error) error {
	t.Helper()
	opened := project
	if grant != fullGrant {
		own, err := peer.Open(t.Context(), grant)
		check(t, err)
		defer func() { check(t, own.Close()) }()
		opened = own
	}
	return peer.Patiently(t.Context(), func() error { return use(opened) })
}

func (l libraryClient) put(t *testing.T, grant, key, path string) {
	t.Helper()
	file, err := os.Open(path)
	check(t, err)
	defer func() { _ = file.Close() }()
	check(t, l.with(t, grant, func(project *uplink.Project) error {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return peer.Upload(t.Context(), project, bucket, key, file, peer.UploadOptions{})
	}))
}

func (l libraryClient) get(t *testing.T, grant, key string, offset, length int64) string {
	t.Helper()
	hash := sha256.New()
	check(t, l.with(t, grant, func(project *uplink.Project) error {
		hash.Reset()
		return peer.Download(t.Context(), project, bucket, key, offset, length, hash)
	}))
	return hex.EncodeToString(hash.Sum(nil))
}

func (l libraryClient) list(t *testing.T, grant, prefix string, recursive bool) (entries []peer.Entry) {
	t.Helper()
	check(t, l.with(t, grant, func(project *uplink.Project) (err error) {
		entries, err = peer.List(t.Context(), project, bucket, prefix, recursive, 0)
		return err
	}))
	return entries
}

func (l libraryClient) remove(t *testing.T, grant, key string) {
	t.Helper()
	check(t, l.with(t, grant, func(project *uplink.Project) error {
		_, err := project.DeleteObject(t.Context(), bucket, key)
		return err
	}))
}

// patience is how long one run of sjcp may take; what lasts longer hangs.
const patience = 5 * time.Minute

// sjcpClient is sjcp as a process.
type sjcpClient struct{}

func (sjcpClient) name() string { return "sjcp" }

// outcome is how a run of sjcp ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs sjcp, which must end by itself, whatever its exit code.
func (sjcpClient) run(t *testing.T, grant string, arguments ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, sjcpBinary, arguments...)
	return finish(t, command, grant)
}

// finish runs a prepared sjcp with its grant, and with no configuration of the user's.
func finish(t *testing.T, command *exec.Cmd, grant string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if command.Stdout == nil {
		command.Stdout = &stdout
	}
	command.Stderr = &stderr
	prepare(t, command, grant)
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0) {
		t.Fatalf("%v: %v\n%s", command.Args[1:], err, stderr.String())
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func prepare(t *testing.T, command *exec.Cmd, grant string) {
	command.Env = append(os.Environ(), "SJCP_ACCESS="+grant, "XDG_CONFIG_HOME="+t.TempDir())
	command.Dir = t.TempDir()
}

// must runs sjcp, which must succeed, and returns what it printed.
func (s sjcpClient) must(t *testing.T, grant string, arguments ...string) string {
	t.Helper()
	return succeeded(t, s.run(t, grant, arguments...), arguments)
}

func succeeded(t *testing.T, result outcome, arguments []string) string {
	t.Helper()
	if result.code != 0 {
		t.Fatalf("sjcp %q: exit code %d\n%s", arguments, result.code, result.stderr)
	}
	return result.stdout
}

func url(key string) string { return "sj://" + bucket + "/" + key }

func (s sjcpClient) put(t *testing.T, grant, key, path string) {
	t.Helper()
	s.must(t, grant, "cp", "--progress=false", path, url(key))
}

func (s sjcpClient) get(t *testing.T, grant, key string, offset, length int64) string {
	t.Helper()
	arguments := []string{"cp", "--progress=false", "-p", "4"}
	switch {
	case length == 0:
		t.Fatal("sjcp has no range of no bytes")
	case length > 0:
		arguments = append(arguments, "--range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	case offset > 0:
		arguments = append(arguments, "--range", fmt.Sprintf("bytes=%d-", offset))
	case offset < 0:
		arguments = append(arguments, "--range", fmt.Sprintf("bytes=%d", offset))
	}
	target := filepath.Join(t.TempDir(), "target")
	s.must(t, grant, append(arguments, url(key), target)...)
	return fileSum(t, target)
}

// listed is a line of sjcp ls --json.
type listed struct {
	Kind    string `json:"kind"`
	Created string `json:"created"`
	Size    int64  `json:"size"`
	Key     string `json:"key"`
}

func (s sjcpClient) list(t *testing.T, grant, prefix string, recursive bool) (entries []peer.Entry) {
	t.Helper()
	arguments := []string{"ls", "--json"}
	if recursive {
		arguments = append(arguments, "-r")
	}
	output := s.must(t, grant, append(arguments, url(prefix))...)
	lines := json.NewDecoder(bytes.NewReader([]byte(output)))
	for lines.More() {
		var line listed
		check(t, lines.Decode(&line))
		switch line.Kind {
		case "PRE":
		case "OBJ":
			if _, err := time.Parse(time.DateTime, line.Created); err != nil {
				t.Errorf("created of %q: %v", line.Key, err)
			}
		default:
			t.Errorf("unknown kind in %+v", line)
		}
		// As with the network's own command: whole keys when recursive, else what follows the prefix.
		if recursive {
			if !strings.HasPrefix(line.Key, prefix) {
				t.Errorf("%q is not under %q", line.Key, prefix)
			}
			line.Key = strings.TrimPrefix(line.Key, prefix)
		}
		entries = append(entries, peer.Entry{Key: line.Key, IsPrefix: line.Kind == "PRE", Size: line.Size})
	}
	return entries
}

func (s sjcpClient) remove(t *testing.T, grant, key string) {
	t.Helper()
	s.must(t, grant, "rm", url(key))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contentSum(t *testing.T, seed uint64, size int64) string {
	t.Helper()
	sum, _, err := peer.Sum(peer.Content(seed, size))
	check(t, err)
	return sum
}

func fileSum(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	check(t, err)
	defer func() { _ = file.Close() }()
	sum, _, err := peer.Sum(file)
	check(t, err)
	return sum
}

// contentFile writes the content of a seed to a file that lives as long as the test.
func contentFile(t *testing.T, seed uint64, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("content-%d-%d", seed, size))
	file, err := os.Create(path)
	check(t, err)
	_, err = file.ReadFrom(peer.Content(seed, size))
	check(t, errors.Join(err, file.Close()))
	return path
}

// putContent stores the content of a seed with the library.
func putContent(t *testing.T, key string, seed uint64, size int64) {
	t.Helper()
	putContentWith(t, key, seed, size, peer.UploadOptions{})
}

func putContentWith(t *testing.T, key string, seed uint64, size int64, options peer.UploadOptions) {
	t.Helper()
	check(t, library.with(t, fullGrant, func(project *uplink.Project) error {
		return peer.Upload(t.Context(), project, bucket, key, peer.Content(seed, size), options)
	}))
}

// cleanup removes an object when the test is over.
func cleanup(t *testing.T, key string) {
	t.Cleanup(func() {
		if _, err := project.DeleteObject(context.WithoutCancel(t.Context()), bucket, key); err != nil {
			t.Errorf("removing %q: %v", key, err)
		}
	})
}
