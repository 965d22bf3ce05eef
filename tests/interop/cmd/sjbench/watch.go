package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Lines of the profiles for which filling them is the point, in bits per second to the user.
var lineRates = map[string]float64{"home": 100e6}

// watch observes a run from outside: its events where it is sjcp's, the delay of others on a line that fills up.
type watch struct {
	s        *site
	p        program
	events   string
	pinger   *exec.Cmd
	output   *bytes.Buffer
	baseline float64
}

// watch begins to observe a command, to which it may add options.
func (b *bench) watch(s *site, p program, c *command) (*watch, error) {
	w := &watch{s: s, p: p}
	if isSjcp(p) && s.profile != "" {
		w.events = filepath.Join(s.folder, "events.json")
		i := slices.Index(*c, "--progress=none")
		*c = slices.Concat((*c)[:i], command{"--progress=json", "--progress-file", w.events}, (*c)[i+1:])
	}
	if lineRates[s.profile] == 0 {
		return w, nil
	}
	if err := w.startPing(b); err != nil {
		return nil, err
	}
	time.Sleep(2 * time.Second)
	times, err := w.stopPing()
	if err != nil {
		return nil, err
	}
	w.baseline = median(times)
	return w, w.startPing(b)
}

func (w *watch) startPing(*bench) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := w.s.wrap(near, command{self, "ping", net.JoinHostPort(w.s.bind, w.s.port)})
	w.output = &bytes.Buffer{}
	w.pinger = exec.Command(c[0], c[1:]...)
	w.pinger.Stdout, w.pinger.Stderr = w.output, os.Stderr
	w.pinger.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return w.pinger.Start()
}

func (w *watch) stopPing() ([]float64, error) {
	_ = w.pinger.Process.Signal(syscall.SIGTERM)
	if err := w.pinger.Wait(); err != nil {
		return nil, err
	}
	var times []float64
	err := json.Unmarshal(w.output.Bytes(), &times)
	if err == nil && len(times) == 0 {
		err = errors.New("no ping came back")
	}
	return times, err
}

// finish notes what was seen during the run.  sjcp's figures have no name before them: they are those that count.
func (w *watch) finish(taken sample, m move, result *outcome) error {
	prefix := w.p.name + ": "
	if w.p.name == "sjcp" {
		prefix = ""
	}
	if w.pinger != nil {
		times, err := w.stopPing()
		if err != nil {
			return err
		}
		result.note(prefix+figurePing, "ms", median(times)-w.baseline)
		if taken.WallSeconds > 0 && m.job == jobGet {
			result.note(prefix+figureLine, "%", 100*float64(m.bytes)*8/taken.WallSeconds/lineRates[w.s.profile])
		}
	}
	if w.events == "" || m.job != jobGet {
		return nil
	}
	return noteEvents(w.events, prefix, result)
}

// noteEvents reads what sjcp said of a download in its last line.
func noteEvents(path, prefix string, result *outcome) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		var said struct {
			Event string
			Share *float64 `json:"last_percent_share"`
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.Event == "summary" && said.Share != nil {
			result.note(prefix+figureTail, "%", 100**said.Share)
		}
	}
	return os.Remove(path)
}
