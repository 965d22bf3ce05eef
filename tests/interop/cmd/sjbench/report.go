package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// series is all runs of one program for one job, and their medians.
type series struct {
	Program string   `json:"program"`
	Job     string   `json:"job"`
	Median  sample   `json:"median"`
	Runs    []sample `json:"runs"`
}

// ratio is sjcp's median over another program's.
type ratio struct {
	Job         string  `json:"job"`
	To          string  `json:"to"`
	Wall        float64 `json:"wall"`
	CPU         float64 `json:"cpu"`
	WallByRound spread  `json:"wall_by_round"`
	CPUByRound  spread  `json:"cpu_by_round"`
}

// spread is how a ratio differs from round to round: its quartiles.  Programs of one round ran one after the other, so
// that a drift of the machine is in both.
type spread struct {
	Lower  float64 `json:"lower"`
	Median float64 `json:"median"`
	Upper  float64 `json:"upper"`
}

// figure is anything else that a scenario found out.
type figure struct {
	Name  string    `json:"name"`
	Value float64   `json:"value"` // the median of what was measured in each run
	Unit  string    `json:"unit"`
	Runs  []float64 `json:"runs,omitempty"`
}

type skip struct {
	Program string `json:"program"`
	Why     string `json:"why"`
}

// outcome is what one scenario measured.
type outcome struct {
	Scenario   string   `json:"scenario"`
	Title      string   `json:"title"`
	Profile    string   `json:"profile,omitempty"`
	Nodes      int      `json:"nodes,omitempty"`
	Redundancy string   `json:"rs,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"` // moved by each run
	Skipped    []skip   `json:"skipped,omitempty"`
	Series     []series `json:"series,omitempty"`
	Ratios     []ratio  `json:"ratios,omitempty"`
	Figures    []figure `json:"figures,omitempty"`
	Failed     string   `json:"failed,omitempty"`
}

// report is the whole of what is written.
type report struct {
	Time      string            `json:"time"`
	Command   string            `json:"command"`
	Machine   machine           `json:"machine"`
	Versions  map[string]string `json:"versions"`
	Timer     string            `json:"timer"`
	Scenarios []outcome         `json:"scenarios"`
	Numbers   []verdict         `json:"numbers,omitempty"`
}

// add records one run.
func (o *outcome) add(program, job string, run sample) {
	for i := range o.Series {
		if s := &o.Series[i]; s.Program == program && s.Job == job {
			s.Runs = append(s.Runs, run)
			return
		}
	}
	o.Series = append(o.Series, series{Program: program, Job: job, Runs: []sample{run}})
}

// note records one run's value of a figure.
func (o *outcome) note(name, unit string, value float64) {
	for i := range o.Figures {
		if f := &o.Figures[i]; f.Name == name {
			f.Runs = append(f.Runs, value)
			return
		}
	}
	o.Figures = append(o.Figures, figure{Name: name, Unit: unit, Runs: []float64{value}})
}

// finish computes medians and ratios.
func (o *outcome) finish() {
	for i := range o.Series {
		o.Series[i].Median = medianSample(o.Series[i].Runs)
	}
	for i := range o.Figures {
		o.Figures[i].Value = median(o.Figures[i].Runs)
	}
	for _, theirs := range o.Series {
		ours := o.series("sjcp", theirs.Job)
		if ours != nil && theirs.Program != "sjcp" {
			wall := func(s sample) float64 { return s.WallSeconds }
			cpu := func(s sample) float64 { return s.CPUSeconds }
			o.Ratios = append(o.Ratios, ratio{theirs.Job, theirs.Program,
				wall(ours.Median) / wall(theirs.Median), cpu(ours.Median) / cpu(theirs.Median),
				spreadOf(ours.Runs, theirs.Runs, wall), spreadOf(ours.Runs, theirs.Runs, cpu)})
		}
	}
}

func (o *outcome) series(program, job string) *series {
	for i := range o.Series {
		if s := &o.Series[i]; s.Program == program && s.Job == job {
			return s
		}
	}
	return nil
}

// spreadOf is of ours over theirs, run by run.
func spreadOf(ours, theirs []sample, of func(sample) float64) spread {
	var ratios []float64
	for i := range min(len(ours), len(theirs)) {
		ratios = append(ratios, of(ours[i])/of(theirs[i]))
	}
	slices.Sort(ratios)
	half := (len(ratios) + 1) / 2
	return spread{median(ratios[:half]), median(ratios), median(ratios[len(ratios)-half:])}
}

func (o *outcome) median(program, job string) (sample, bool) {
	if s := o.series(program, job); s != nil {
		return s.Median, true
	}
	return sample{}, false
}

func (o *outcome) figure(name string) (float64, bool) {
	for _, f := range o.Figures {
		if f.Name == name {
			return f.Value, true
		}
	}
	return 0, false
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func medianSample(runs []sample) sample {
	middle := func(of func(sample) float64) float64 {
		var values []float64
		for _, run := range runs {
			values = append(values, of(run))
		}
		return median(values)
	}
	return sample{
		WallSeconds: middle(func(s sample) float64 { return s.WallSeconds }),
		CPUSeconds:  middle(func(s sample) float64 { return s.CPUSeconds }),
		PeakMiB:     middle(func(s sample) float64 { return s.PeakMiB }),
		Traffic:     middle(func(s sample) float64 { return s.Traffic }),
	}
}

// write makes NAME.json, NAME.md and NAME.svg in the folder, and prints the second.
func (r *report) write(folder, name string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text := r.markdown()
	fmt.Println(text)
	path := filepath.Join(folder, name)
	err = errors.Join(os.WriteFile(path+".json", append(encoded, '\n'), 0o644), os.WriteFile(path+".md", []byte(text), 0o644))
	if plot := r.plot(); plot != "" {
		err = errors.Join(err, os.WriteFile(path+".svg", []byte(plot), 0o644))
	}
	fmt.Fprintf(os.Stderr, "figures: %s.json .md .svg\n", path)
	return err
}

// markdown is the report for people.
func (r *report) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "`%s`, %s\n\n", r.Command, r.Time)
	fmt.Fprintf(&out, "%s, %d cores, %d MiB, %s, Linux %s; timed by %s\n", r.Machine.Processor, r.Machine.Cores,
		r.Machine.MemoryMiB, r.Machine.System, r.Machine.Kernel, r.Timer)
	var versions []string
	for name, version := range r.Versions {
		versions = append(versions, name+" "+version)
	}
	slices.Sort(versions)
	fmt.Fprintln(&out, strings.Join(versions, "; "))
	for i := range r.Scenarios {
		r.Scenarios[i].describe(&out)
	}
	writeVerdicts(&out, r.Numbers)
	return out.String()
}

func (o *outcome) describe(out *strings.Builder) {
	fmt.Fprintf(out, "\n## %s: %s\n\n", o.Scenario, o.Title)
	if o.Failed != "" {
		fmt.Fprintf(out, "failed: %s\n\n", o.Failed)
	}
	if o.Nodes > 0 {
		profile := o.Profile
		if profile == "" {
			profile = "loopback"
		}
		size := ""
		if o.Bytes > 0 {
			size = sizeText(o.Bytes) + " at "
		}
		fmt.Fprintf(out, "%s%s over %d nodes, %s\n\n", size, o.Redundancy, o.Nodes, profile)
	}
	if len(o.Series) > 0 {
		o.writeSeries(out)
	}
	if len(o.Figures) > 0 {
		fmt.Fprintln(out, "\n| figure | median | lowest | highest | unit |\n|---|---|---|---|---|")
		for _, f := range o.Figures {
			fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", f.Name, number(f.Value), number(slices.Min(f.Runs)),
				number(slices.Max(f.Runs)), f.Unit)
		}
	}
	for _, s := range o.Skipped {
		fmt.Fprintf(out, "\nskipped: %s, because %s\n", s.Program, s.Why)
	}
}

func (o *outcome) writeSeries(out *strings.Builder) {
	fmt.Fprintln(out, "| job | program | runs | wall s | CPU s | MiB/s | peak MiB | piece bytes per byte | wall: sjcp / it (quartiles by round) | CPU: sjcp / it |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range o.Series {
		wall, cpu := "", ""
		for _, r := range o.Ratios {
			if r.Job == s.Job && r.To == s.Program {
				wall, cpu = r.WallByRound.beside(r.Wall), r.CPUByRound.beside(r.CPU)
			}
		}
		rate, peak, traffic := "", "", ""
		if o.Bytes > 0 {
			rate = strconv.FormatFloat(float64(o.Bytes)/(1<<20)/s.Median.WallSeconds, 'f', 0, 64)
		}
		if s.Median.PeakMiB > 0 {
			peak = strconv.FormatFloat(s.Median.PeakMiB, 'f', 0, 64)
		}
		if s.Median.Traffic > 0 {
			traffic = number(s.Median.Traffic)
		}
		fmt.Fprintf(out, "| %s | %s | %d | %.2f | %.2f | %s | %s | %s | %s | %s |\n", s.Job, s.Program, len(s.Runs),
			s.Median.WallSeconds, s.Median.CPUSeconds, rate, peak, traffic, wall, cpu)
	}
}

// beside is a ratio of medians and its spread.
func (s spread) beside(ratio float64) string {
	return fmt.Sprintf("%.3f (%.3f-%.3f)", ratio, s.Lower, s.Upper)
}

func number(value float64) string {
	if math.Abs(value) >= 100 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'f', 2, 64)
}

func formatInt(value int64) string { return strconv.FormatInt(value, 10) }

func sizeText(bytes int64) string {
	switch {
	case bytes >= 1<<30 && bytes%(1<<30) == 0:
		return formatInt(bytes>>30) + " GiB"
	case bytes >= 1<<20:
		return formatInt(bytes>>20) + " MiB"
	}
	return formatInt(bytes) + " B"
}
