package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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
	size := t.mib << 20
	want, err := b.makeSource("source", size)
	if err != nil {
		return outcome{}, err
	}
	t.web = b.path("source")
	s, err := b.open(t.layout)
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	result := outcome{Profile: t.profile, Nodes: t.nodes, Redundancy: t.rs, Bytes: size}
	able, skipped, err := b.able(s, t.programs)
	if err != nil {
		return outcome{}, err
	}
	result.Skipped = skipped
	if err := b.run(s, far, command{b.tool("sjcp"), "cp", "-p", "8", "--progress=none", b.path("source"), remotePath("object")}); err != nil {
		return outcome{}, err
	}
	byName := map[string]program{}
	var names []string
	for _, p := range able {
		byName[p.name] = p
		names = append(names, p.name)
	}
	err = b.rounds(names, func(name string) error {
		for _, job := range t.jobs {
			if err := b.once(s, byName[name], job, want, &result); err != nil {
				return err
			}
		}
		return nil
	})
	result.finish()
	return result, err
}

// once runs one program for one job, records what it took and checks what it did.
func (b *bench) once(s *site, p program, job, want string, result *outcome) error {
	remote, local := "object", b.path("target")
	if job == jobPut {
		remote, local = "put-"+p.name, b.path("source")
	}
	c := p.command(b, s, job, remote, local)
	if c == nil {
		return nil
	}
	before, err := s.stats(b.ctx)
	if err != nil {
		return err
	}
	var taken sample
	if p.tells {
		taken, err = b.told(c)
	} else {
		taken, err = b.timer.time(b.ctx, s, c)
	}
	if err != nil {
		return err
	}
	result.add(p.name, job, taken)
	if err := b.traffic(s, p, job, before, result); err != nil {
		return err
	}
	switch {
	case job == jobGet:
		return checkFile(local, want)
	case p.tells:
		return nil
	}
	return b.checkObject(s, remotePath(remote), want)
}

// traffic notes how many piece bytes a program moved for each byte of the object.
func (b *bench) traffic(s *site, p program, job string, before networkStats, result *outcome) error {
	after, err := s.stats(b.ctx)
	if err != nil {
		return err
	}
	moved := after.Sent - before.Sent
	if job == jobPut {
		moved = after.Stored - before.Stored
	}
	if moved > 0 {
		result.note(fmt.Sprintf("%s, %s: piece bytes at the nodes", p.name, job), "per byte", float64(moved)/float64(result.Bytes))
	}
	return nil
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
