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
	"time"
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
	if path, err := exec.LookPath("hyperfine"); err == nil {
		return hyperfine{path, filepath.Join(folder, "hyperfine.json")}
	}
	return waiter{}
}

// waiter starts the command itself.  The floor of its peak memory is this program's, about 10 MiB.
type waiter struct{}

func (waiter) name() string { return "wait4" }

func (waiter) time(ctx context.Context, s *site, c command) (sample, error) {
	process, wall, err := measured(ctx, s, s.wrap(near, c))
	if err != nil {
		return sample{}, err
	}
	return sample{
		WallSeconds: wall.Seconds(),
		CPUSeconds:  (process.UserTime() + process.SystemTime()).Seconds(),
		PeakMiB:     peakMiB(process),
	}, nil
}

// hyperfine has hyperfine run the command once, without a shell.  Once, because the programs take turns; the largest
// resident set, which it does not tell, is that of its own process and of those it waited for.
type hyperfine struct{ path, results string }

func (h hyperfine) name() string {
	version, _ := exec.Command(h.path, "--version").Output()
	return strings.TrimSpace(string(version))
}

func (h hyperfine) time(ctx context.Context, s *site, c command) (sample, error) {
	process, _, err := measured(ctx, s, s.wrap(near, command{h.path, "--shell=none", "--runs=1",
		"--show-output", "--export-json", h.results, quoted(c)}))
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
	return sample{WallSeconds: r.Mean, CPUSeconds: r.User + r.System, PeakMiB: peakMiB(process)}, nil
}

func measured(ctx context.Context, s *site, c command) (*os.ProcessState, time.Duration, error) {
	if s.area != nil {
		if err := s.area.forget(); err != nil {
			return nil, 0, err
		}
	}
	process := exec.CommandContext(ctx, c[0], c[1:]...)
	process.Env = s.environment()
	process.Stderr = os.Stderr
	// An interrupt ends what hyperfine started, too.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	process.Cancel = func() error { return syscall.Kill(-process.Process.Pid, syscall.SIGKILL) }
	begin := time.Now()
	err := process.Run()
	wall := time.Since(begin)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", strings.Join(c, " "), err)
	}
	return process.ProcessState, wall, nil
}

func peakMiB(state *os.ProcessState) float64 {
	return float64(state.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}

// quoted is a command in one string that hyperfine takes apart as a shell would.
func quoted(c command) string {
	var words []string
	for _, word := range c {
		words = append(words, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}
