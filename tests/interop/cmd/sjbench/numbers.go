package main

import (
	"fmt"
	"math"
	"strings"
)

// verdict is one line of the numbers to reach: what was asked for, and what was measured.
type verdict struct {
	Scenario string  `json:"scenario"`
	Figure   string  `json:"figure"`
	Limit    float64 `json:"limit"`
	Measured float64 `json:"measured"`
	Reached  bool    `json:"reached"`
}

// target is a number to reach.  measure says false where the scenario did not measure it.
type target struct {
	scenario string
	figure   string
	limit    float64
	atLeast  bool // the limit is the least, not the most
	measure  func(*outcome) (float64, bool)
}

var libraries = []string{"library", "uplink", "uplink-64M"}

// quotient is sjcp's median over the least of the others' that ran.
func quotient(job string, of func(sample) float64, others ...string) func(*outcome) (float64, bool) {
	return func(o *outcome) (float64, bool) {
		ours, found := o.median("sjcp", job)
		best := math.Inf(1)
		for _, other := range others {
			if theirs, ran := o.median(other, job); ran {
				best = min(best, of(theirs))
			}
		}
		return of(ours) / best, found && !math.IsInf(best, 1)
	}
}

func wall(s sample) float64 { return s.WallSeconds }
func cpu(s sample) float64  { return s.CPUSeconds }

func traffic(o *outcome) (float64, bool) {
	ours, found := o.median("sjcp", jobGet)
	return ours.Traffic, found
}

func theFigure(name string) func(*outcome) (float64, bool) {
	return func(o *outcome) (float64, bool) { return o.figure(name) }
}

func targets() []target {
	best := append([]string{"rclone"}, libraries...)
	return []target{
		{"get", "CPU, of the Go library's least", 0.25, false, quotient(jobGet, cpu, libraries...)},
		{"get", "CPU, of rclone's", 0.40, false, quotient(jobGet, cpu, "rclone")},
		{"get", "CPU, of the floor's", 1.4, false, quotient(jobGet, cpu, "floor")},
		{"get", "wall, of the better of library and rclone", 0.6, false, quotient(jobGet, wall, best...)},
		{"put", "CPU, of the Go library's least", 0.50, false, quotient(jobPut, cpu, libraries...)},
		{"put", "CPU, of the floor's", 1.2, false, quotient(jobPut, cpu, "floor")},
		{"put", "wall, of the better of library and rclone", 0.6, false, quotient(jobPut, wall, best...)},
		{"get-ocean", "wall, of the Go library's at its best setting", 0.25, false, quotient(jobGet, wall, libraries...)},
		{"get-ocean", "wall, of aria2c -x16 over HTTPS", 1.0, false, quotient(jobGet, wall, "aria2c")},
		{"get-mixed", "wall, of the Go library's at its best setting", 0.35, false, quotient(jobGet, wall, libraries...)},
		{"get-mixed", figureTail, 5, false, theFigure(figureTail)},
		{"get-mixed", "piece bytes that the nodes sent, per byte of the object", 1.15, false, traffic},
		{"get-home", figureLine, 95, true, theFigure(figureLine)},
		{"get-home", figurePing, 60, false, theFigure(figurePing)},
		{"put-ocean", "wall, of the Go library's at its best setting", 0.5, false, quotient(jobPut, wall, libraries...)},
		{"small-ocean", "put: wall, of the Go library's at -t 16", 0.15, false, quotient(jobPutTree, wall, libraries...)},
		{"small-ocean", "get: wall, of the Go library's at -t 16", 0.15, false, quotient(jobGetTree, wall, libraries...)},
		{"growth-get", figurePeak, 256, false, theFigure(figurePeak)},
		{"growth-get", figurePeakGrowth, 1.1, false, theFigure(figurePeakGrowth)},
		{"growth-get", figureGrowthGet, 10, false, theFigure(figureGrowthGet)},
		{"growth-put", figurePeak, 256, false, theFigure(figurePeak)},
		{"growth-put", figurePeakGrowth, 1.1, false, theFigure(figurePeakGrowth)},
		{"growth-put", figureGrowthPut, 10, false, theFigure(figureGrowthPut)},
		{"kill", figureRefetched, 5, false, theFigure(figureRefetched)},
		{"get-poor", figurePoor(poorKinds[0].name), 1.5, false, theFigure(figurePoor(poorKinds[0].name))},
		{"get-poor", figurePoor(poorKinds[1].name), 1.5, false, theFigure(figurePoor(poorKinds[1].name))},
		{"get-poor", figurePoor(poorKinds[2].name), 1.5, false, theFigure(figurePoor(poorKinds[2].name))},
		{"web-lan", "wall, of curl's", 1.0, false, quotient(jobGet, wall, "curl")},
		{"web-lan", "CPU, of curl's", 1.1, false, quotient(jobGet, cpu, "curl")},
		{"web-lan", "wall, of the better of aria2c -x16", 0.9, false, quotient(jobGet, wall, "aria2c", "aria2c-20M")},
		{"web-ocean", "wall, of the better of aria2c -x16 -s16", 0.85, false, quotient(jobGet, wall, "aria2c", "aria2c-20M")},
		{"web-slow-path", "wall, of aria2c -x16 -s16", 0.5, false, quotient(jobGet, wall, "aria2c-20M")},
		{"web-mirrors", figureRate, 95, true, theFigure(figureRate)},
		s3Target("web-s3-get-lan", jobGet), s3Target("web-s3-put-lan", jobPut),
		s3Target("web-s3-get-ocean", jobGet), s3Target("web-s3-put-ocean", jobPut),
		s3Target("web-s3-small-lan", jobGetTree), s3Target("web-s3-small-lan", jobPutTree),
		s3Target("web-s3-small-ocean", jobGetTree), s3Target("web-s3-small-ocean", jobPutTree),
		{"web-hub", "wall, of huggingface_hub's with hf_transfer", 0.7, false, quotient(jobGetTree, wall, "huggingface_hub")},
	}
}

func s3Target(scenario, job string) target {
	return target{scenario, job + ": wall, of the better of awscli and rclone", 0.8, false,
		quotient(job, wall, "awscli", "awscrt", "rclone", "rclone-256")}
}

// Names of figures that both a scenario and a target know.
const (
	figureTail       = "share of the time that the last 1 % took, in %"
	figureLine       = "object bytes, in % of what the line carries"
	figurePing       = "growth of a parallel ping, in ms"
	figurePeak       = "peak memory at -p 16, in MiB"
	figurePeakGrowth = "peak memory of the largest object, of that of 1 GiB"
	figureGrowthGet  = "get: time per GiB, largest deviation from 1 GiB's, in %"
	figureGrowthPut  = "put: time per GiB, largest deviation from 1 GiB's, in %"
	figureRate       = "object bytes per second, in MB/s"
	figureRefetched  = "bytes fetched again beyond segments in flight, at worst, in % of the object"
)

// judge compares what was measured with what is to be reached.
func judge(outcomes []outcome) []verdict {
	var verdicts []verdict
	for _, t := range targets() {
		for i := range outcomes {
			if outcomes[i].Scenario != t.scenario {
				continue
			}
			if value, found := t.measure(&outcomes[i]); found {
				reached := value <= t.limit
				if t.atLeast {
					reached = value >= t.limit
				}
				verdicts = append(verdicts, verdict{t.scenario, t.figure, t.limit, value, reached})
			}
		}
	}
	return verdicts
}

func writeVerdicts(out *strings.Builder, verdicts []verdict) {
	if len(verdicts) == 0 {
		return
	}
	fmt.Fprint(out, "\n## Numbers to reach\n\n| scenario | figure | limit | measured | reached |\n|---|---|---|---|---|\n")
	for _, v := range verdicts {
		reached := "no"
		if v.Reached {
			reached = "yes"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", v.Scenario, v.Figure, number(v.Limit), number(v.Measured), reached)
	}
}
