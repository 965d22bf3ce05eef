package main

import (
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

var areaNetworkOptions = command{"--bind", areaServices}

// area is a running emulated wide area: two network namespaces, each with a process that waits in it.
type area struct {
	process *exec.Cmd
	pids    map[side]string
}

func openArea(b *bench, profile, folder string) (*area, error) {
	pidFile := func(name string) string { return filepath.Join(folder, name+".pid") }
	stay := func(name string) string {
		return fmt.Sprintf("echo $$ >'%s.new'; mv '%[1]s.new' '%[1]s'; echo ready; exec sleep 1000000", pidFile(name))
	}
	a := &area{pids: map[side]string{}}
	a.process = exec.Command(b.tool("sjwan"), "--profile", profile, "--far", stay("far"), "--", "sh", "-c", stay("near"))
	a.process.Stderr = os.Stderr
	a.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := a.process.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- a.process.Wait() }()
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

func (a *area) close() { _ = a.process.Process.Signal(syscall.SIGTERM) }
