package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// sample is one run of one program.
type sample struct {
	WallSeconds float64 `json:"wall_s"`
	CPUSeconds  float64 `json:"cpu_s"`    // user and system, of the program and its children
	PeakMiB     float64 `json:"peak_mib"` // largest resident set; 0 where it was not measured
	// Piece bytes that the nodes sent, or stored, for each byte of the object: what the user pays for.
	Traffic float64 `json:"piece_bytes_per_byte,omitempty"`
}

// timer runs a command to its end and says what it took.
type timer interface {
	name() string
	time(ctx context.Context, s *site, c command) (sample, error)
}

// Both timers give the same figures: they come from wait4 either way.
func chooseTimer(folder string) timer {
	report := filepath.Join(folder, "usage.json")
	if path, err := exec.LookPath("hyperfine"); err == nil {
		return hyperfine{path, filepath.Join(folder, "hyperfine.json"), report}
	}
	return waiter{report}
}

// waiter has the command launched and waited for, and nothing else.
type waiter struct{ report string }

func (waiter) name() string { return "wait4" }

func (w waiter) time(ctx context.Context, s *site, c command) (sample, error) {
	used, err := measured(ctx, s, w.report, c)
	if err != nil {
		return sample{}, err
	}
	return sample{WallSeconds: used.WallSeconds, CPUSeconds: used.CPUSeconds, PeakMiB: used.PeakMiB}, nil
}

// hyperfine has hyperfine run the command once, without a shell.  Once, because the programs take turns; the largest
// resident set, which it does not tell, is that of its own process and of those it waited for.
type hyperfine struct{ path, results, report string }

func (h hyperfine) name() string {
	version, _ := exec.Command(h.path, "--version").Output()
	return strings.TrimSpace(string(version))
}

func (h hyperfine) time(ctx context.Context, s *site, c command) (sample, error) {
	used, err := measured(ctx, s, h.report, command{h.path, "--shell=none", "--runs=1",
		"--show-output", "--export-json", h.results, quoted(c)})
	if err != nil {
		return sample{}, err
	}
	encoded, err := os.ReadFile(h.results)
	if err != nil {
		return sample{}, err
	}
	var told struct {
		Results []struct{ Mean, User, System float64 }
	}
	if err := json.Unmarshal(encoded, &told); err != nil || len(told.Results) != 1 {
		return sample{}, errors.Join(errors.New("hyperfine's results cannot be read"), err)
	}
	r := told.Results[0]
	return sample{WallSeconds: r.Mean, CPUSeconds: r.User + r.System, PeakMiB: used.PeakMiB}, nil
}

// measured runs a command on the near side and says what it took.
func measured(ctx context.Context, s *site, report string, c command) (resources, error) {
	if s.area != nil {
		if err := s.area.forget(); err != nil {
			return resources{}, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return resources{}, err
	}
	c = s.wrap(near, append(command{self, "launch", report}, c...))
	process := exec.CommandContext(ctx, c[0], c[1:]...)
	process.Env = s.environment()
	process.Stderr = os.Stderr
	// An interrupt ends what was launched, too.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	process.Cancel = func() error { return syscall.Kill(-process.Process.Pid, syscall.SIGKILL) }
	if err := errors.Join(os.RemoveAll(report), process.Run()); err != nil {
		return resources{}, fmt.Errorf("%s: %w", strings.Join(c, " "), err)
	}
	return readUsage(report)
}

// quoted is a command in one string that hyperfine takes apart as a shell would.
func quoted(c command) string {
	var words []string
	for _, word := range c {
		words = append(words, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}
