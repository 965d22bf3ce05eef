package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Where sjwan has what the far side serves, and how sjnet spreads over its addresses.
const areaServices = "10.66.0.1"

var areaNetworkOptions = command{"--bind", areaServices, "--node-bind", "10.66.1.1"}

// area is a running emulated wide area: two network namespaces, each with a process that waits in it.
type area struct {
	process *exec.Cmd
	pids    map[side]string
	sjwan   string
	control string
	ended   <-chan error
}

func openArea(b *bench, profile, folder string) (*area, error) {
	pidFile := func(name string) string { return filepath.Join(folder, name+".pid") }
	stay := func(name string) string {
		return fmt.Sprintf("echo $$ >'%s.new'; mv '%[1]s.new' '%[1]s'; echo ready; exec sleep 1000000", pidFile(name))
	}
	a := &area{pids: map[side]string{}, sjwan: b.tool("sjwan"), control: filepath.Join(folder, "wan")}
	a.process = exec.Command(a.sjwan, "--profile", profile, "--control", a.control, "--far", stay("far"), "--",
		"sh", "-c", stay("near"))
	a.process.Stderr = os.Stderr
	a.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := a.process.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	a.ended = ended
	go func() {
		ended <- a.process.Wait()
		close(ended)
	}()
	for on, name := range map[side]string{far: "far", near: "near"} {
		for a.pids[on] == "" {
			select {
			case err := <-ended:
				return nil, fmt.Errorf("the emulated wide area cannot run here: %w", err)
			case <-time.After(20 * time.Millisecond):
			}
			if text, err := os.ReadFile(pidFile(name)); err == nil {
				a.pids[on] = strings.TrimSpace(string(text))
			}
		}
	}
	return a, nil
}

// enter is what a command begins with to run on a side.
func (a *area) enter(on side) command {
	return command{"nsenter", "--net=/proc/" + a.pids[on] + "/ns/net", "--"}
}

// forget makes the next connections as slow to start as the first ones: the kernel remembers how far it got with each
// address.
func (a *area) forget() error {
	for _, on := range []side{near, far} {
		c := append(a.enter(on), "ip", "tcp_metrics", "flush", "all")
		if output, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip tcp_metrics flush: %w: %s", err, output)
		}
	}
	return nil
}

// noteTrust records how late the emulator was, and what it dropped against its profile: where that is much, the
// machine was too slow for the scenario.
func (a *area) noteTrust(result *outcome) error {
	answer, err := exec.Command(a.sjwan, "--ask", a.control, `{"stats":true}`).Output()
	if err != nil {
		return err
	}
	type direction struct {
		Late struct {
			P99 float64 `json:"p99_ms"`
		}
		Dropped struct {
			NoMemory float64 `json:"no_memory"`
			Unread   float64
		} `json:"dropped_packets"`
	}
	var told struct{ Down, Up direction }
	if err := json.Unmarshal(answer, &told); err != nil {
		return fmt.Errorf("figures of sjwan: %w", err)
	}
	result.Figures = append(result.Figures,
		one("emulator: packets later than due, 99th percentile", "ms", max(told.Down.Late.P99, told.Up.Late.P99)),
		one("emulator: packets dropped for want of time or memory", "packets", told.Down.Dropped.NoMemory+
			told.Up.Dropped.NoMemory+told.Down.Dropped.Unread+told.Up.Dropped.Unread))
	return nil
}

func (a *area) close() {
	_ = a.process.Process.Signal(syscall.SIGTERM)
	<-a.ended
}
