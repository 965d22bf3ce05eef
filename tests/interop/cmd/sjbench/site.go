package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// side is where a program runs: near is the user's, far the network's.  On loopback they are the same.
type side int

const (
	near side = iota
	far
)

// layout is what a site is to be like.
type layout struct {
	profile string // of the emulated wide area; "" is loopback
	wan     string // the profile's text, where tests/wan/profiles does not have it
	nodes   int    // of sjnet; 0 is no sjnet
	rs      string
	files   bool     // pieces are files, beside everything else; otherwise they are in sjnet's memory where there is room
	web     string   // file that an HTTPS server serves as "object"; "" is no server
	binds   []string // addresses of the HTTPS server, each with a path of its own; none: the site's
}

// site is a running network: sjnet, perhaps a web server, and the way to them.
type site struct {
	layout
	folder string
	area   *area // nil on loopback
	server *web  // nil without
	grant  string
	bind   string   // address of what is served
	port   string   // of the satellite
	extra  []string // environment that programs have besides
	stops  []func()
}

// open starts what the layout asks for; close ends it.
func (b *bench) open(l layout) (*site, error) {
	folder, err := os.MkdirTemp(b.folder, "site-")
	if err != nil {
		return nil, err
	}
	s := &site{layout: l, folder: folder, bind: "127.0.0.1"}
	if err := s.start(b); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) start(b *bench) error {
	if s.profile != "" {
		profile := s.profile
		if s.wan != "" {
			profile = filepath.Join(s.folder, s.profile+".json")
			if err := os.WriteFile(profile, []byte(s.wan), 0o644); err != nil {
				return err
			}
		}
		area, err := openArea(b, profile, s.folder)
		if err != nil {
			return err
		}
		s.area, s.bind = area, areaServices
		s.stops = append(s.stops, area.close)
	}
	if s.nodes > 0 {
		if err := s.startNetwork(b); err != nil {
			return err
		}
		if err := b.run(s, far, command{b.tool("sjcp"), "mb", "sj://" + bucket}); err != nil {
			return err
		}
	}
	if s.layout.web == "" {
		return nil
	}
	server, err := startWeb(b, s, map[string]string{"object": s.layout.web}, true)
	if errors.Is(err, errNoWeb) {
		return nil // the peers that need it say so
	}
	if err != nil {
		return err
	}
	s.server = server
	s.stops = append(s.stops, server.close)
	return nil
}

func (s *site) close() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i]()
	}
	s.stops = nil
	_ = os.RemoveAll(s.folder)
}

func (s *site) control() string { return filepath.Join(s.folder, "control") }

// startNetwork starts sjnet and waits until it serves.
func (s *site) startNetwork(b *bench) error {
	grantFile := filepath.Join(s.folder, "grant")
	arguments := command{b.tool("sjnet"), "--nodes", strconv.Itoa(s.nodes), "--rs", s.rs,
		"--access-file", grantFile, "--control", s.control()}
	if s.files || !b.roomForPieces() {
		arguments = append(arguments, "--dir", filepath.Join(s.folder, "pieces"))
	}
	if s.area != nil {
		arguments = append(arguments, areaNetworkOptions...)
	}
	process, ready, err := s.serve(far, arguments)
	if err != nil {
		return err
	}
	s.stops = append(s.stops, process)
	var told struct{ Satellite string }
	if err := json.Unmarshal([]byte(ready), &told); err != nil {
		return fmt.Errorf("sjnet's first line: %w", err)
	}
	s.port = told.Satellite[strings.LastIndex(told.Satellite, ":")+1:]
	text, err := os.ReadFile(grantFile)
	s.grant = strings.TrimSpace(string(text))
	return err
}

// roomForPieces: an object or two and their pieces leave most of this machine's memory free.  The writing of pieces to a
// disk is not what is to be measured.
func (b *bench) roomForPieces() bool {
	const copies = 4 * 80 / 29
	return memoryAvailable() >= copies*max(b.mib, 1024)<<20
}

// serve starts a program that stays, waits for its first line, and returns that and what ends the program.
func (s *site) serve(on side, c command) (stop func(), line string, err error) {
	c = s.wrap(on, c)
	process := exec.Command(c[0], c[1:]...)
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := process.Start(); err != nil {
		return nil, "", err
	}
	stop = func() {
		_ = process.Process.Signal(syscall.SIGTERM)
		_ = process.Wait()
	}
	reader := bufio.NewReader(output)
	if line, err = reader.ReadString('\n'); err != nil {
		stop()
		return nil, "", fmt.Errorf("%s ended before it was ready: %w", c[0], err)
	}
	go func() { _, _ = reader.WriteTo(discard{}) }()
	return stop, line, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// wrap makes a command run on one side of the site.
func (s *site) wrap(on side, c command) command {
	if s.area == nil {
		return c
	}
	return append(s.area.enter(on), c...)
}

// environment is that of every program: none sees the settings of the person who runs the benchmark.
func (s *site) environment() []string {
	own := append(os.Environ(), "SJCP_ACCESS="+s.grant, "RCLONE_STORJ_ACCESS_GRANT="+s.grant,
		"XDG_CONFIG_HOME="+s.folder, "XDG_CACHE_HOME="+s.folder, "HOME="+s.folder,
		"SJCP_NODE_MEMORY=off") // every run begins cold
	return append(own, s.extra...)
}

// networkStats are sjnet's counters, summed over its nodes.
type networkStats struct {
	Downloads int64 `json:"downloads_begun"`
	Uploads   int64 `json:"uploads_begun"`
	Sent      int64 `json:"bytes_sent"`
	Stored    int64 `json:"bytes_stored"`
	Ordered   int64 `json:"get_ordered"`
}

// stats are the counters so far; streams count when they end, so it waits until nothing changes any more.
func (s *site) stats(ctx context.Context) (networkStats, error) {
	var last networkStats
	for {
		now, err := s.statsNow()
		if err != nil || (now == last && now != networkStats{}) {
			return now, err
		}
		last = now
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *site) statsNow() (networkStats, error) {
	var answer struct{ Total networkStats }
	err := s.ask(map[string]any{"op": "stats"}, &answer)
	return answer.Total, err
}

// ask has sjnet do what a request says, and decodes its answer.
func (s *site) ask(request, answer any) error {
	connection, err := net.Dial("unix", s.control())
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	return errors.Join(json.NewEncoder(connection).Encode(request), json.NewDecoder(connection).Decode(answer))
}
