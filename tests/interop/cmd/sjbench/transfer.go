package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// storjPrograms all move bytes through sjnet; the others are the bar without erasure coding.
var (
	storjPrograms = []string{"sjcp", "library", "uplink", "uplink-64M", "rclone"}
	getPrograms   = append(append([]string{}, storjPrograms...), "aria2c", "curl", "floor")
	putPrograms   = append(append([]string{}, storjPrograms...), "floor")
)

// transfer is a scenario that moves one object.
type transfer struct {
	layout
	mib      int64
	jobs     []string
	programs []string
}

// run has every program do every job in each round, and checks what came of it.
func (t transfer) run(b *bench, _ scenario) (outcome, error) {
	if b.mib > 0 {
		t.mib = b.mib
	}
	if t.profile != "" {
		memory, done, err := b.inMemory()
		if err != nil {
			return outcome{}, err
		}
		defer done()
		b = memory
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
	result := outcome{Profile: t.profile, Nodes: t.nodes, Redundancy: t.rs, Bytes: t.mib << 20}
	able, skipped, err := b.able(s, t.programs)
	if err != nil {
		return outcome{}, err
	}
	result.Skipped = skipped
	if err := b.store(s, "source", "object"); err != nil {
		return outcome{}, err
	}
	err = b.rounds(leastRounds, able, func(p program) error {
		for _, job := range t.jobs {
			m := move{job: job, label: job, remote: "object", local: b.path("target"), want: want, bytes: result.Bytes}
			if job == jobPut {
				m.remote, m.local = "put-"+p.name, b.path("source")
			}
			if err := b.once(s, p, m, &result); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && s.area != nil {
		err = s.area.noteTrust(&result)
	}
	result.finish()
	return result, err
}

// store puts a file where all programs can read it, from the far side and untimed.
func (b *bench) store(s *site, file, remote string) error {
	return b.run(s, far, command{b.tool("sjcp"), "cp", "-p", "8", "--progress=none", b.path(file), remotePath(remote)})
}

// move is one run of a job that moves an object.
type move struct {
	job    string
	label  string // under which it is recorded
	remote string
	local  string
	want   string // SHA-256
	bytes  int64
}

// once runs one program for one job, records what it took and checks what it did.
func (b *bench) once(s *site, p program, m move, result *outcome) error {
	c := p.command(b, s, m.job, m.remote, m.local)
	if c == nil {
		return nil
	}
	// No run is to pay for the removal of what the one before wrote.
	if m.job == jobGet {
		if err := os.RemoveAll(m.local); err != nil {
			return err
		}
	}
	before, err := s.stats(b.ctx)
	if err != nil {
		return err
	}
	watch, err := b.watch(s, p, &c)
	if err != nil {
		return err
	}
	var taken sample
	if p.tells {
		taken, err = b.told(c)
	} else {
		taken, err = b.timer.time(b.ctx, s, c)
	}
	if err := errors.Join(err, watch.finish(taken, m, result)); err != nil {
		return err
	}
	if taken.Traffic, err = b.traffic(s, m, before); err != nil {
		return err
	}
	// A program may find that there is nothing to do.
	if (isSjcp(p) || slices.Contains(storjPrograms, p.name)) && taken.Traffic < 1 {
		return fmt.Errorf("%s moved only %.2f of the object", p.name, taken.Traffic)
	}
	result.add(p.name, m.label, taken)
	switch {
	case m.job == jobGet:
		return checkFile(m.local, m.want)
	case p.tells:
		return nil
	}
	return b.checkObject(s, remotePath(m.remote), m.want)
}

// traffic is how many piece bytes were moved for each byte of the object.
func (b *bench) traffic(s *site, m move, before networkStats) (float64, error) {
	after, err := s.stats(b.ctx)
	moved := after.Sent - before.Sent
	if m.job == jobPut {
		moved = after.Stored - before.Stored
	}
	return float64(moved) / float64(m.bytes), err
}

// told runs a program that measures itself.
func (b *bench) told(c command) (sample, error) {
	var output bytes.Buffer
	process := exec.CommandContext(b.ctx, c[0], c[1:]...)
	process.Stdout, process.Stderr = &output, os.Stderr
	if err := process.Run(); err != nil {
		return sample{}, fmt.Errorf("%s: %w", c[0], err)
	}
	var taken sample
	return taken, json.Unmarshal(output.Bytes(), &taken)
}
