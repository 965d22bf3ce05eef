package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sjcp/tests/interop/peer"
)

const bucket = "bench"

// bench is one invocation: where its files are, and what it measures with.
type bench struct {
	options
	ctx    context.Context
	folder string
	timer  timer
}

func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }
func (b *bench) tool(name string) string { return filepath.Join(b.tools, name) }

// command is one program with its arguments, as it is run on the near side of a site.
type command []string

// run runs a command to its end, untimed.  Its output is discarded, its errors are shown.
func (b *bench) run(s *site, side side, c command) error {
	process := exec.CommandContext(b.ctx, s.wrap(side, c)[0], s.wrap(side, c)[1:]...)
	process.Env = s.environment()
	process.Stderr = os.Stderr
	if err := process.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(c, " "), err)
	}
	return nil
}

// makeSource writes the file that is moved, once for each size, and returns its SHA-256.
func (b *bench) makeSource(name string, bytes int64) (string, error) {
	file, err := os.Create(b.path(name))
	if err != nil {
		return "", err
	}
	sum, _, err := peer.Sum(io.TeeReader(peer.Content(1, bytes), file))
	return sum, errors.Join(err, file.Close())
}

// checkFile compares what was downloaded, and removes it so that no run overwrites what another left.
func checkFile(path, want string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	sum, _, err := peer.Sum(file)
	if err := errors.Join(err, file.Close(), os.Remove(path)); err != nil {
		return err
	}
	if sum != want {
		return errors.New("the download differs from the source")
	}
	return nil
}

// checkObject reads what a program stored with sjcp on the far side, where no emulated path slows it.
func (b *bench) checkObject(s *site, location, want string) error {
	c := s.wrap(far, command{b.tool("sjcp"), "cp", "-p", "8", "--progress=none", location, "-"})
	process := exec.CommandContext(b.ctx, c[0], c[1:]...)
	process.Env = s.environment()
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	sum, _, err := peer.Sum(output)
	if err := errors.Join(err, process.Wait()); err != nil {
		return err
	}
	if sum != want {
		return fmt.Errorf("%s differs from the source", location)
	}
	return nil
}

// leastRounds are those that a median needs, however long they take.
const leastRounds = 3

// rounds calls once for every program in each round.  The order is reversed from round to round, so that a drift of the
// machine favours nobody.
func (b *bench) rounds(least int, programs []program, once func(program) error) error {
	began := time.Now()
	order := slices.Clone(programs)
	for i := range b.runs {
		if i >= least && time.Since(began).Minutes() > b.minutes {
			fmt.Fprintf(os.Stderr, "  %d rounds, time is over\n", i)
			return nil
		}
		for _, p := range order {
			if err := errors.Join(b.ctx.Err(), once(p)); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		slices.Reverse(order)
		fmt.Fprintf(os.Stderr, "  round %d of %d\n", i+1, b.runs)
	}
	return nil
}
