// Command sjbench measures sjcp beside the network's published client library: one object up and down, on one sjnet,
// in turn, every download's hash checked.  scripts/bench builds and runs it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sjcp/tests/interop/peer"
)

const bucket = "bench"

// options are what the flags say.
type options struct {
	sjcp, sjpeer, sjnet string
	nodes               int
	rs                  string
	runs                int
	mib                 int64
	parallelism         int
	dir                 string
	json                string
}

// sample is one run of one program.  Peak memory is the process's largest resident set; that of this program, about
// 10 MiB, is its floor.
type sample struct {
	WallSeconds float64 `json:"wall_s"`
	CPUSeconds  float64 `json:"cpu_s"`
	PeakMiB     float64 `json:"peak_mib"`
}

// series is all runs of one program for one job, and their medians.
type series struct {
	Program string   `json:"program"`
	Job     string   `json:"job"`
	Median  sample   `json:"median"`
	Runs    []sample `json:"runs"`
}

// ratio is sjcp's median over the library's.
type ratio struct {
	Job  string  `json:"job"`
	Wall float64 `json:"wall"`
	CPU  float64 `json:"cpu"`
}

type report struct {
	Time        string   `json:"time"`
	Machine     string   `json:"machine"`
	Cores       int      `json:"cores"`
	Kernel      string   `json:"kernel"`
	Sjcp        string   `json:"sjcp"`
	Library     string   `json:"library"`
	Nodes       int      `json:"nodes"`
	Redundancy  string   `json:"rs"`
	ObjectMiB   int64    `json:"object_mib"`
	Parallelism int      `json:"p"`
	Series      []series `json:"series"`
	Ratios      []ratio  `json:"ratios"`
}

func main() {
	var o options
	flag.StringVar(&o.sjcp, "sjcp", "", "path of sjcp")
	flag.StringVar(&o.sjpeer, "sjpeer", "", "path of sjpeer")
	flag.StringVar(&o.sjnet, "sjnet", "", "path of sjnet")
	flag.IntVar(&o.nodes, "nodes", 84, "storage nodes")
	flag.StringVar(&o.rs, "rs", "29/35/65/80", "redundancy")
	flag.IntVar(&o.runs, "runs", 5, "runs of each program for each job")
	flag.Int64Var(&o.mib, "size", 512, "size of the object in MiB")
	flag.IntVar(&o.parallelism, "p", 16, "segments in flight")
	flag.StringVar(&o.dir, "dir", "", "where the files go (default: a temporary folder)")
	flag.StringVar(&o.json, "json", "", "file to write the figures to")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "sjbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	folder, err := os.MkdirTemp(o.dir, "sjbench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	grant, stop, err := startNetwork(o, folder)
	if err != nil {
		return err
	}
	defer stop()
	bench := bench{options: o, folder: folder, grant: grant}
	if err := bench.prepare(ctx); err != nil {
		return err
	}
	measured, err := bench.measure()
	if err != nil {
		return err
	}
	result := bench.describe(measured)
	printTable(result)
	if o.json == "" {
		return nil
	}
	encoded, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println("\nfigures:", o.json)
	return os.WriteFile(o.json, append(encoded, '\n'), 0o644)
}

// startNetwork starts sjnet, waits until it serves, and returns a grant and what ends it.
func startNetwork(o options, folder string) (grant string, stop func(), err error) {
	grantFile := filepath.Join(folder, "grant")
	server := exec.Command(o.sjnet, "--nodes", strconv.Itoa(o.nodes), "--rs", o.rs, "--access-file", grantFile)
	server.Stderr = os.Stderr
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := server.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	}
	// Its one line of JSON says that it is ready.
	if _, err := output.Read(make([]byte, 1)); err != nil {
		stop()
		return "", nil, fmt.Errorf("sjnet ended before it was ready: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
	text, err := os.ReadFile(grantFile)
	if err != nil {
		stop()
		return "", nil, err
	}
	return strings.TrimSpace(string(text)), stop, nil
}

type bench struct {
	options
	folder string
	grant  string
	want   string // SHA-256 of the object
}

func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

// prepare makes the file and the bucket.
func (b *bench) prepare(ctx context.Context) error {
	file, err := os.Create(b.path("source"))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, peer.Content(1, b.mib<<20))
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if b.want, _, err = peer.Sum(peer.Content(1, b.mib<<20)); err != nil {
		return err
	}
	project, err := peer.Open(ctx, b.grant)
	if err != nil {
		return err
	}
	_, err = project.CreateBucket(ctx, bucket)
	return errors.Join(err, project.Close())
}

// commands are the two programs doing the same; each reads what it wrote itself.
func (b *bench) commands(program string) (upload, download *exec.Cmd) {
	location := "sj://" + bucket + "/" + program
	p := strconv.Itoa(b.parallelism)
	if program == "sjcp" {
		return exec.Command(b.sjcp, "cp", "-p", p, "--progress=none", b.path("source"), location),
			exec.Command(b.sjcp, "cp", "-p", p, "--progress=none", location, b.path("target"))
	}
	return exec.Command(b.sjpeer, "put", b.path("source"), location),
		exec.Command(b.sjpeer, "-p", p, "get", location, b.path("target"))
}

// timed runs a command to its end.
func (b *bench) timed(command *exec.Cmd) (sample, error) {
	command.Env = append(os.Environ(), "SJCP_ACCESS="+b.grant, "XDG_CONFIG_HOME="+b.folder)
	command.Stderr = os.Stderr
	begin := time.Now()
	err := command.Run()
	wall := time.Since(begin)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", strings.Join(command.Args, " "), err)
	}
	state := command.ProcessState
	usage := state.SysUsage().(*syscall.Rusage)
	return sample{
		WallSeconds: wall.Seconds(),
		CPUSeconds:  (state.UserTime() + state.SystemTime()).Seconds(),
		PeakMiB:     float64(usage.Maxrss) / 1024,
	}, nil
}

// checkTarget compares what was downloaded, and removes it so that no run overwrites what another left.
func (b *bench) checkTarget() error {
	file, err := os.Open(b.path("target"))
	if err != nil {
		return err
	}
	sum, _, err := peer.Sum(file)
	if err := errors.Join(err, file.Close(), os.Remove(b.path("target"))); err != nil {
		return err
	}
	if sum != b.want {
		return errors.New("the download differs from the upload")
	}
	return nil
}

// measure alternates the programs, and which of them begins, so that a drift of the machine favours neither.
func (b *bench) measure() ([]series, error) {
	all := map[string]*series{}
	programs := []string{"sjcp", "library"}
	for i := range b.runs {
		for _, program := range programs {
			upload, download := b.commands(program)
			if err := b.record(all, program, "upload", upload); err != nil {
				return nil, err
			}
			if err := b.record(all, program, "download", download); err != nil {
				return nil, err
			}
			if err := b.checkTarget(); err != nil {
				return nil, fmt.Errorf("%s: %w", program, err)
			}
		}
		slices.Reverse(programs)
		fmt.Fprintf(os.Stderr, "run %d of %d\n", i+1, b.runs)
	}
	var result []series
	for _, job := range []string{"download", "upload"} {
		for _, program := range []string{"sjcp", "library"} {
			s := all[program+job]
			s.Median = median(s.Runs)
			result = append(result, *s)
		}
	}
	return result, nil
}

func (b *bench) record(all map[string]*series, program, job string, command *exec.Cmd) error {
	measured, err := b.timed(command)
	if err != nil {
		return err
	}
	if all[program+job] == nil {
		all[program+job] = &series{Program: program, Job: job}
	}
	all[program+job].Runs = append(all[program+job].Runs, measured)
	return nil
}

func median(runs []sample) sample {
	middle := func(of func(sample) float64) float64 {
		var values []float64
		for _, run := range runs {
			values = append(values, of(run))
		}
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return sample{
		WallSeconds: middle(func(s sample) float64 { return s.WallSeconds }),
		CPUSeconds:  middle(func(s sample) float64 { return s.CPUSeconds }),
		PeakMiB:     middle(func(s sample) float64 { return s.PeakMiB }),
	}
}

// describe adds to the figures what they were measured on.
func (b *bench) describe(measured []series) report {
	version, _ := exec.Command(b.sjcp, "--version").Output()
	firstLine, _, _ := strings.Cut(string(version), "\n")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	result := report{
		Time:        time.Now().UTC().Format(time.RFC3339),
		Machine:     processor(),
		Cores:       runtime.NumCPU(),
		Kernel:      strings.TrimSpace(string(kernel)),
		Sjcp:        firstLine,
		Library:     peer.LibraryVersion() + ", " + runtime.Version(),
		Nodes:       b.nodes,
		Redundancy:  b.rs,
		ObjectMiB:   b.mib,
		Parallelism: b.parallelism,
		Series:      measured,
	}
	for i := 0; i+1 < len(measured); i += 2 {
		ours, theirs := measured[i].Median, measured[i+1].Median
		result.Ratios = append(result.Ratios, ratio{
			Job:  measured[i].Job,
			Wall: ours.WallSeconds / theirs.WallSeconds,
			CPU:  ours.CPUSeconds / theirs.CPUSeconds,
		})
	}
	return result
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func printTable(r report) {
	fmt.Printf("%s, %d cores, Linux %s\n%s; library %s\n", r.Machine, r.Cores, r.Kernel, r.Sjcp, r.Library)
	fmt.Printf("%d MiB at %s over %d nodes on loopback, -p %d; medians of %d runs\n\n",
		r.ObjectMiB, r.Redundancy, r.Nodes, r.Parallelism, len(r.Series[0].Runs))
	fmt.Printf("%-10s %-8s %9s %9s %9s %10s\n", "job", "program", "wall s", "cpu s", "MiB/s", "peak MiB")
	for _, s := range r.Series {
		fmt.Printf("%-10s %-8s %9.2f %9.2f %9.0f %10.0f\n", s.Job, s.Program,
			s.Median.WallSeconds, s.Median.CPUSeconds, float64(r.ObjectMiB)/s.Median.WallSeconds, s.Median.PeakMiB)
	}
	fmt.Println()
	for _, ratio := range r.Ratios {
		fmt.Printf("%-10s sjcp / library: wall %.2f, cpu %.2f\n", ratio.Job, ratio.Wall, ratio.CPU)
	}
}
