package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// resources is what the kernel says of a command that has ended, and of the children that it waited for.
type resources struct {
	WallSeconds float64 `json:"wall_s"`
	CPUSeconds  float64 `json:"cpu_s"`
	PeakMiB     float64 `json:"peak_mib"`
}

// launch is `sjbench launch REPORT COMMAND...`: it runs the command as its only child and writes what it took to a file.
//
// The largest resident set that wait4 tells of a process begins with that of the process which forked it: what sjbench
// itself has in memory would be the floor of every program's peak.  This one has some MiB.
func launch(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("launch: a file and a command are needed")
	}
	process := exec.Command(arguments[1], arguments[2:]...)
	process.Stdin, process.Stdout, process.Stderr = os.Stdin, os.Stdout, os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begin := time.Now()
	err := process.Run()
	wall := time.Since(begin)
	if err != nil {
		return err
	}
	state := process.ProcessState
	encoded, err := json.Marshal(resources{
		WallSeconds: wall.Seconds(),
		CPUSeconds:  (state.UserTime() + state.SystemTime()).Seconds(),
		PeakMiB:     float64(state.SysUsage().(*syscall.Rusage).Maxrss) / 1024,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(arguments[0], encoded, 0o644)
}

// readUsage reads what launch has written.
func readUsage(report string) (resources, error) {
	var u resources
	encoded, err := os.ReadFile(report)
	if err != nil {
		return u, err
	}
	if err := json.Unmarshal(encoded, &u); err != nil {
		return u, fmt.Errorf("%s: %w", report, err)
	}
	return u, nil
}
