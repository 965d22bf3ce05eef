package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Classes of CPU time, in the order in which they are reported.
const (
	classShake   = "TLS handshakes"
	classTLS     = "TLS records"
	classErasure = "erasure code"
	classAEAD    = "AEAD of content"
	classHash    = "hashes"
	classSign    = "signatures, other libcrypto"
	classCopy    = "copies in user space"
	classRuntime = "language runtime"
	classSockets = "kernel: sockets"
	classFiles   = "kernel: files"
	classKernel  = "kernel: rest"
	classRest    = "rest"
)

var classes = []string{classTLS, classShake, classErasure, classAEAD, classHash, classSign, classCopy, classRuntime, classSockets, classFiles,
	classKernel, classRest}

// A sample belongs to the first rule that one of its frames fulfils.  TLS and content are opened by the same routine of
// libcrypto, so it is who called it that counts: libssl, or sjcp's own cipher.
type rule struct {
	class    string
	kernel   bool // for samples taken in the kernel, or for the others
	leafOnly bool
	parts    []string // of "symbol (file)"
}

var rules = []rule{
	{classSockets, true, false, []string{"sock_", "tcp_", "inet_", "net_rx_action", "__sys_sendto", "__sys_recvfrom", "epoll", "sys_connect", "sys_poll"}},
	{classFiles, true, false, []string{"vfs_write", "vfs_read", "vfs_fallocate", "vfs_fsync", "ext4_", "truncate", "unlink"}},
	{classKernel, true, false, []string{""}},
	{classShake, false, false, []string{"SSL_do_handshake", "TlsConnection::handshake", "clientHandshake"}},
	{classTLS, false, false, []string{"libssl.so", "crypto/tls."}},
	{classErasure, false, false, []string{"libisal.so", "sjcp::erasure::", "/infectious."}},
	{classAEAD, false, false, []string{"sjcp::crypto::BlockCipher", "crypto/internal/fips140/aes", "crypto/cipher."}},
	{classHash, false, false, []string{"Sha256", "sha256", "SHA256", "Blake3", "blake3"}},
	{classSign, false, false, []string{"libcrypto.so", "ed25519", "ecdsa"}},
	{classCopy, false, true, []string{"memmove", "memcpy"}},
	{classRuntime, false, false, []string{"runtime.gcBgMarkWorker", "runtime.mcall", "runtime.mallocgc", "runtime.gcStart", "runtime.bgsweep", "runtime.mstart", "runtime.newstack", "runtime.morestack"}},
	{classRest, false, false, []string{""}},
}

// classify says what a sample's CPU time went to.  Frames are "symbol (file)", the innermost first.
func classify(frames []string) string {
	inKernel := len(frames) > 0 && strings.Contains(frames[0], "([")
	for _, r := range rules {
		if r.kernel != inKernel {
			continue
		}
		looked := frames
		if r.leafOnly && len(frames) > 1 {
			looked = frames[:1]
		}
		for _, frame := range looked {
			for _, part := range r.parts {
				if strings.Contains(frame, part) {
					return r.class
				}
			}
		}
	}
	return classRest
}

// readSamples sums the seconds of each class in what perf script prints: a head whose last word is the period in
// nanoseconds, then a frame a line, then an empty line.
func readSamples(input io.Reader) (map[string]float64, error) {
	seconds := map[string]float64{}
	var period float64
	var frames []string
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<20)
	end := func() {
		if period > 0 {
			seconds[classify(frames)] += period / 1e9
		}
		period, frames = 0, nil
	}
	for lines.Scan() {
		line := lines.Text()
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			end()
		case line[0] != '\t' && line[0] != ' ':
			end()
			period, _ = strconv.ParseFloat(words[len(words)-1], 64)
		case len(words) > 1:
			frames = append(frames, strings.Join(words[1:], " "))
		}
	}
	end()
	return seconds, lines.Err()
}

// split is a scenario that says where CPU time goes.
type split struct {
	layout
	mib int64
}

var errNoPerf = errors.New("perf is not installed (scripts/setup --bench), or may not run here")

func (t split) run(b *bench, _ scenario) (outcome, error) {
	if b.mib > 0 {
		t.mib = b.mib
	}
	if err := exec.Command("perf", "stat", "true").Run(); err != nil {
		return outcome{}, errNoPerf
	}
	want, err := b.makeSource("source", t.mib<<20)
	if err != nil {
		return outcome{}, err
	}
	s, err := b.open(t.layout)
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	result := outcome{Nodes: t.nodes, Redundancy: t.rs, Bytes: t.mib << 20}
	able, skipped, err := b.able(s, []string{"sjcp", "library"})
	if err != nil {
		return outcome{}, err
	}
	result.Skipped = skipped
	if err := b.store(s, "source", "object"); err != nil {
		return outcome{}, err
	}
	err = b.rounds(leastRounds, able, func(p program) error {
		if err := b.profile(s, p, jobGet, "object", b.path("target"), &result); err != nil {
			return err
		}
		if err := checkFile(b.path("target"), want); err != nil {
			return err
		}
		return b.profile(s, p, jobPut, "put-"+p.name, b.path("source"), &result)
	})
	result.finish()
	return result, err
}

// profile runs one command under perf and notes CPU seconds per GB of each class.
func (b *bench) profile(s *site, p program, job, remote, local string, result *outcome) error {
	// Go keeps frame pointers; libcrypto does not, but tells how to unwind it.
	graph := "dwarf,8192"
	if p.name != "sjcp" {
		graph = "fp"
	}
	data := b.path("perf.data")
	c := append(command{"perf", "record", "--quiet", "-e", "cpu-clock", "-F", "997", "--call-graph", graph, "-o", data},
		p.command(b, s, job, remote, local)...)
	if err := b.run(s, near, c); err != nil {
		return err
	}
	script := exec.CommandContext(b.ctx, "perf", "script", "--no-inline", "-i", data, "-F", "comm,period,ip,sym,dso")
	var output bytes.Buffer
	script.Stdout, script.Stderr = &output, io.Discard
	if err := script.Run(); err != nil {
		return fmt.Errorf("perf script: %w", err)
	}
	seconds, err := readSamples(&output)
	if err != nil {
		return err
	}
	total := 0.0
	for _, class := range classes {
		total += seconds[class]
		if seconds[class] > 0 || class == classRest {
			result.note(fmt.Sprintf("%s %s: %s", p.name, job, class), "CPU s/GB", seconds[class]/float64(result.Bytes)*1e9)
		}
	}
	result.note(fmt.Sprintf("%s %s: all", p.name, job), "CPU s/GB", total/float64(result.Bytes)*1e9)
	return os.Remove(data)
}
