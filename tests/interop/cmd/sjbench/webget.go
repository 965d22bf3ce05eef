package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// webGet is a scenario that downloads one object from web servers: from one, or from several that hold the same.
type webGet struct {
	layout
	mib      int64
	programs []program
}

func (t webGet) run(b *bench, _ scenario) (outcome, error) {
	b, done, err := b.inMemory()
	if err != nil {
		return outcome{}, err
	}
	defer done()
	if b.mib > 0 {
		t.mib = b.mib
	}
	want, err := b.makeSource("source", t.mib<<20)
	if err != nil {
		return outcome{}, err
	}
	t.web = b.path("source")
	s, err := b.open(t.layout)
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	if s.server == nil {
		return outcome{}, errNoWeb
	}
	result := outcome{Profile: t.profile, Bytes: t.mib << 20}
	able, skipped := b.ableOf(s, t.programs)
	result.Skipped = skipped
	m := move{job: jobGet, label: jobGet, local: b.path("target"), want: want, bytes: result.Bytes}
	err = b.steadyRounds(s, able, &result, func(p program) error {
		if err := os.RemoveAll(m.local); err != nil {
			return err
		}
		if err := b.timed(s, p, m, &result); err != nil {
			return err
		}
		return checkFile(m.local, m.want)
	})
	for _, series := range result.Series {
		for _, run := range series.Runs {
			if series.Program == "sjcp" {
				result.note(figureRate, "MB/s", float64(result.Bytes)/1e6/run.WallSeconds)
			}
		}
	}
	result.finish()
	return result, err
}

// inMemory is the same bench with its files in memory, where what is measured is not the disk; --dir says otherwise.
func (b *bench) inMemory() (memory *bench, done func(), err error) {
	own := *b
	if own.dir == "" {
		own.dir = "/dev/shm"
	}
	own.folder, err = os.MkdirTemp(own.dir, "sjbench-")
	return &own, func() { _ = os.RemoveAll(own.folder) }, err
}

// longestRun is what a program may take before it is taken for one that hangs.
const longestRun = 90 * time.Second

// timed runs a program for a job and records what it took, without a look at what it did.
func (b *bench) timed(s *site, p program, m move, result *outcome) error {
	c := p.command(b, s, m.job, m.remote, m.local)
	if c == nil {
		return nil
	}
	watch, err := b.watch(s, p, &c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(b.ctx, longestRun)
	defer cancel()
	taken, err := b.timer.time(ctx, s, c)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if err := watch.finish(taken, m, result); err != nil {
		return err
	}
	result.add(p.name, m.label, taken)
	return nil
}

// steadyRounds are rounds in which a program that fails is named and left out from then on: what the others take is
// worth having.  The scenario has failed all the same.
func (b *bench) steadyRounds(s *site, programs []program, result *outcome, once func(program) error) error {
	var failures error
	failed := map[string]bool{}
	err := b.rounds(leastRounds, programs, func(p program) error {
		if failed[p.name] {
			return nil
		}
		err := once(p)
		if err == nil || b.ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "  %s: %v\n", p.name, err)
		failed[p.name] = true
		failures = errors.Join(failures, fmt.Errorf("%s: %w", p.name, err))
		result.Series = slices.DeleteFunc(result.Series, func(series series) bool { return series.Program == p.name })
		return nil
	})
	if err == nil && s.area != nil {
		err = s.area.noteTrust(result)
	}
	return errors.Join(err, failures)
}

// Addresses on the far side of an emulated area that no profile gives a kind.
func farAddresses(n int) (addresses []string) {
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("10.66.0.%d", 101+i))
	}
	return addresses
}

// What 50 MB/s of an object is on the line, in Mbit/s of IP packets: 52 of 1500 bytes are headers, 22 of 16406 TLS's.
const fiftyMegabytes = 50e6 * 8 / 1e6 * 1500 / 1448 * 16406 / 16384

// slowPath is a wide area with 16 paths of 100 Mbit/s, of which one has a twentieth.
var slowPath = layout{profile: "slow-path", binds: farAddresses(16), wan: `{
  "about": "40 ms, 100 Mbit/s to each address, to one of them 5.",
  "line": {"down": {"mbit": 10000, "queue_ms": 20}, "up": {"mbit": 10000, "queue_ms": 20}},
  "path": {"rtt_ms": 40, "mbit": 100, "queue_ms": 50},
  "events": [{"at_s": 0, "paths": "10.66.0.105", "set": {"mbit": 5}}]
}`}

// twoMirrors is a wide area in which an address gives 50 MB/s of an object.
var twoMirrors = layout{profile: "mirrors", binds: farAddresses(2), wan: fmt.Sprintf(`{
  "about": "20 ms, 50 MB/s of what is served at each address.",
  "line": {"down": {"mbit": 10000, "queue_ms": 20}, "up": {"mbit": 10000, "queue_ms": 20}},
  "path": {"rtt_ms": 20, "mbit": %.1f, "queue_ms": 50}
}`, fiftyMegabytes)}

func webPrograms() []program {
	return []program{
		{"sjcp", "sjcp cp -p P", ready, sjcpWebCommand, false},
		{"aria2c", "aria2c -x16 -s16 -k1M", webMissing("aria2c"), aria2Command, false},
		{"aria2c-20M", "aria2c -x16 -s16, with its own least part of 20 MiB", webMissing("aria2c"), aria2PlainCommand, false},
		{"curl", "curl, one connection", webMissing("curl"), curlCommand, false},
	}
}

func webProgramsOf(names ...string) []program {
	return slices.DeleteFunc(webPrograms(), func(p program) bool { return !slices.Contains(names, p.name) })
}

func sjcpWebCommand(b *bench, s *site, _, _, local string) command {
	c := command{b.tool("sjcp"), "cp", "--progress=none", "-p", b.p, "--cacert", s.server.ca, s.server.urls[0]}
	for _, mirror := range s.server.urls[1:] {
		c = append(c, "--mirror", mirror)
	}
	return append(c, local)
}

func aria2PlainCommand(_ *bench, s *site, _, _, local string) command {
	c := command{"aria2c", "--no-conf=true", "--quiet=true", "-x16", "-s16", "--allow-overwrite=true",
		"--ca-certificate=" + s.server.ca, "--dir=" + filepath.Dir(local), "--out=" + filepath.Base(local)}
	return append(c, s.server.urls...)
}
