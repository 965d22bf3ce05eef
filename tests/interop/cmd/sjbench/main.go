// Command sjbench measures sjcp beside the programs that people use for the same job: scripts/bench builds and runs it.
// Scenarios and method are described in tests/bench/README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the flags say.
type options struct {
	tools   string
	venvs   string
	runs    int
	mib     int64
	p       string
	only    string
	base    string
	dir     string
	out     string
	minutes float64
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "ping" {
		exitOn(ping(os.Args[2:]))
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "launch" {
		exitOn(launch(os.Args[2:]))
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "hub" {
		exitOn(serveHub(os.Args[2:]))
		return
	}
	var o options
	flag.StringVar(&o.tools, "tools", "build", "folder of the programs that scripts/bench built")
	flag.StringVar(&o.venvs, "venvs", ".cache/venv", "folder of the Python environments that scripts/setup made")
	flag.IntVar(&o.runs, "runs", 5, "rounds; in each, every program runs once")
	flag.Int64Var(&o.mib, "size", 0, "MiB of the object, where a scenario has one (default: the scenario's own)")
	flag.StringVar(&o.p, "p", "auto", "sjcp's -p")
	flag.StringVar(&o.only, "peers", "", "comma-separated programs to run besides sjcp (default: all of the scenario)")
	flag.StringVar(&o.base, "base", "", "another build of sjcp, which takes turns with this one")
	flag.StringVar(&o.dir, "dir", "", "where the files go (default: a temporary folder)")
	flag.StringVar(&o.out, "out", "", "where the reports go (default: bench in the folder of the programs)")
	flag.Float64Var(&o.minutes, "minutes", 2.5, "a scenario begins no further round after this, once it has three")
	flag.Usage = usage
	names := parse(os.Args[1:])
	if len(names) == 0 {
		usage()
		os.Exit(2)
	}
	if names[0] == "list" {
		list()
		return
	}
	if o.out == "" {
		o.out = filepath.Join(o.tools, "bench")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exitOn(run(ctx, o, names))
}

// parse takes flags before, between and after the names of scenarios, which it returns.
func parse(arguments []string) []string {
	var names []string
	for len(arguments) > 0 {
		_ = flag.CommandLine.Parse(arguments)
		arguments = flag.Args()
		if len(arguments) > 0 {
			names, arguments = append(names, arguments[0]), arguments[1:]
		}
	}
	return names
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: scripts/bench [OPTIONS] SCENARIO... | numbers | web | list")
	flag.PrintDefaults()
}

func list() {
	for _, s := range scenarios() {
		fmt.Printf("%-15s %s\n", s.name, s.title)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		fmt.Printf("%-15s all of %s\n", name, strings.Join(groups[name], ", "))
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "sjbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, names []string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp(o.dir, "sjbench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	b := &bench{options: o, ctx: ctx, folder: folder, timer: chooseTimer(folder)}
	result := report{
		Time:     time.Now().UTC().Format(time.RFC3339),
		Command:  strings.Join(append([]string{"scripts/bench"}, os.Args[1:]...), " "),
		Machine:  thisMachine(),
		Versions: b.versions(),
		Timer:    b.timer.name(),
	}
	for _, s := range chosen {
		fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, s.title)
		made, err := s.run(b, s)
		if err != nil {
			// What was measured until then, and in other scenarios, is worth having.
			fmt.Fprintf(os.Stderr, "%s: %v\n", s.name, err)
			made.Failed = err.Error()
		}
		made.Scenario, made.Title = s.name, s.title
		result.Scenarios = append(result.Scenarios, made)
		if ctx.Err() != nil {
			break
		}
	}
	result.Numbers = judge(result.Scenarios)
	if err := result.write(o.out, strings.Join(names, "+")); err != nil {
		return err
	}
	for _, made := range result.Scenarios {
		if made.Failed != "" {
			return fmt.Errorf("scenario %s failed", made.Scenario)
		}
	}
	return nil
}
