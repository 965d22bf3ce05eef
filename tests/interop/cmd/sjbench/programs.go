package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A job is what a program is measured at.
const (
	jobGet     = "get"
	jobPut     = "put"
	jobGetTree = "get-tree"
	jobPutTree = "put-tree"
)

// baseName is what another build of sjcp is called, which --base names.
const baseName = "base"

func isSjcp(p program) bool { return p.name == "sjcp" || p.name == baseName }

// program is one of those that are compared.  Its commands are nil for jobs that it cannot do.
type program struct {
	name    string
	about   string
	missing func(b *bench, s *site) string // why it cannot run; "" when it can
	command func(b *bench, s *site, job, remote, local string) command
	tells   bool // it measures itself, and says in JSON what it took; what it uploads nobody can read
}

func programs() []program {
	return []program{
		{"sjcp", "sjcp cp -p P", ready, sjcpCommand, false},
		{"library", "Go library: 64 MiB parts all opened at once down, one stream up", ready, peerCommand("library", 64<<20), false},
		{"uplink", "Go library in the parts of uplink cp -p 16", ready, peerCommand("uplink", 0), false},
		{"uplink-64M", "the same with 64 MiB chunks", ready, peerCommand("uplink", 64<<20), false},
		{"rclone", "rclone with its storj backend, 16 streams of 64 MiB", rcloneMissing, rcloneCommand, false},
		{"aria2c", "aria2c -x16 -s16 from nginx, no erasure coding", webMissing("aria2c"), aria2Command, false},
		{"curl", "curl from nginx, no erasure coding", webMissing("curl"), curlCommand, false},
		{"floor", "the same bytes through the bare primitives, one process", floorMissing, floorCommand, true},
	}
}

func findProgram(name string) (program, error) {
	for _, p := range programs() {
		if p.name == name {
			return p, nil
		}
	}
	return program{}, errors.New("unknown program " + name)
}

func ready(*bench, *site) string { return "" }

func remotePath(remote string) string { return "sj://" + bucket + "/" + remote }

func sjcpCommand(b *bench, _ *site, job, remote, local string) command {
	c := command{b.tool("sjcp"), "cp", "--progress=none"}
	switch job {
	case jobGet:
		return append(c, "-p", b.p, remotePath(remote), local)
	case jobPut:
		return append(c, "-p", b.p, local, remotePath(remote))
	case jobGetTree:
		return append(c, "-r", "-t", "16", remotePath(remote)+"/", local)
	case jobPutTree:
		return append(c, "-r", "-t", "16", local, remotePath(remote)+"/")
	}
	return nil
}

func peerCommand(scheme string, chunk int64) func(*bench, *site, string, string, string) command {
	return func(b *bench, _ *site, job, remote, local string) command {
		c := command{b.tool("sjpeer"), "-scheme", scheme}
		switch job {
		case jobGet:
			return append(c, "-p", "16", "-chunk", formatInt(chunk), jobGet, remotePath(remote), local)
		case jobPut:
			return append(c, "-p", "16", "-chunk", formatInt(chunk), jobPut, local, remotePath(remote))
		case jobGetTree:
			return append(c, "-t", "16", jobGetTree, remotePath(remote)+"/", local)
		case jobPutTree:
			return append(c, "-t", "16", jobPutTree, local, remotePath(remote)+"/")
		}
		return nil
	}
}

func rcloneMissing(b *bench, _ *site) string {
	if _, err := os.Stat(b.tool("rclone")); err != nil {
		return "it was not built"
	}
	return ""
}

func rcloneCommand(b *bench, _ *site, job, remote, local string) command {
	c := command{b.tool("rclone"), "--config=", "--quiet"}
	object := ":storj:" + bucket + "/" + remote
	switch job {
	case jobGet:
		return append(c, "copyto", "--multi-thread-streams=16", "--multi-thread-cutoff=64Mi", "--multi-thread-chunk-size=64Mi",
			object, local)
	case jobPut:
		return append(c, "copyto", "--ignore-times", local, object)
	case jobGetTree:
		return append(c, "copy", "--transfers=16", "--checkers=16", object, local)
	case jobPutTree:
		return append(c, "copy", "--ignore-times", "--transfers=16", "--checkers=16", local, object)
	}
	return nil
}

func webMissing(name string) func(*bench, *site) string {
	return func(_ *bench, s *site) string {
		if _, err := exec.LookPath(name); err != nil {
			return "it is not installed (scripts/setup --bench)"
		}
		if s.server == nil {
			return errNoWeb.Error()
		}
		return ""
	}
}

func aria2Command(_ *bench, s *site, job, _, local string) command {
	if job != jobGet {
		return nil
	}
	c := command{"aria2c", "--no-conf=true", "--quiet=true", "-x16", "-s16", "-k1M", "--file-allocation=falloc",
		"--allow-overwrite=true", "--ca-certificate=" + s.server.ca, "--dir=" + filepath.Dir(local),
		"--out=" + filepath.Base(local)}
	return append(c, s.server.urls...)
}

func curlCommand(_ *bench, s *site, job, _, local string) command {
	if job != jobGet {
		return nil
	}
	return command{"curl", "-q", "-sS", "--cacert", s.server.ca, "-o", local, s.server.urls[0]}
}

func floorMissing(b *bench, s *site) string {
	if _, err := os.Stat(b.tool("floor")); err != nil {
		return "it was not built"
	}
	if s.profile != "" {
		return "it runs on loopback only"
	}
	return ""
}

func floorCommand(b *bench, s *site, job, _, local string) command {
	switch job {
	case jobGet:
		return command{b.tool("floor"), "get", s.rs, b.path("source"), local}
	case jobPut:
		return command{b.tool("floor"), "put", s.rs, local}
	}
	return nil
}

// able are the programs of a list that can run here, and why the others cannot.
func (b *bench) able(s *site, names []string) (programs []program, skipped []skip, err error) {
	var wanted []program
	for _, name := range names {
		p, err := findProgram(name)
		if err != nil {
			return nil, nil, err
		}
		wanted = append(wanted, p)
	}
	programs, skipped = b.ableOf(s, wanted)
	return programs, skipped, nil
}

func (b *bench) ableOf(s *site, wanted []program) (programs []program, skipped []skip) {
	only := strings.Split(b.only, ",")
	for _, p := range wanted {
		if b.only != "" && p.name != "sjcp" && !slices.Contains(only, p.name) {
			continue
		}
		if why := p.missing(b, s); why != "" {
			skipped = append(skipped, skip{p.name, why})
			continue
		}
		programs = append(programs, p)
		if p.name == "sjcp" && b.base != "" {
			programs = append(programs, b.baseOf(p))
		}
	}
	return programs, skipped
}

// baseOf is another build of sjcp, which is asked just what sjcp is asked.
func (b *bench) baseOf(sjcp program) program {
	base := sjcp
	base.name, base.about = baseName, "sjcp as it was before"
	base.command = func(_ *bench, s *site, job, remote, local string) command {
		c := sjcp.command(b, s, job, remote, local)
		if c != nil {
			c[slices.Index(c, b.tool("sjcp"))] = b.base
		}
		return c
	}
	return base
}
