package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Nearly as many pieces are needed as are stored, so that the largest object and its pieces fit into memory: what is
// measured is the program, not the disk.
const (
	leanScheme = "29/30/31/32"
	leanNodes  = 32
)

// sizes measures how a transfer's time depends on the size where start-up weighs most.
type sizes struct {
	mib      []int64
	programs []string
}

func (z sizes) run(b *bench, _ scenario) (outcome, error) {
	s, err := b.open(layout{nodes: fullNodes, rs: fullScheme})
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	result := outcome{Nodes: fullNodes, Redundancy: fullScheme}
	able, skipped, err := b.able(s, z.programs)
	if err != nil {
		return outcome{}, err
	}
	result.Skipped = skipped
	wants := map[int64]string{}
	for _, mib := range z.mib {
		if wants[mib], err = b.makeSource(sizeName(mib), mib<<20); err != nil {
			return outcome{}, err
		}
		if err := b.store(s, sizeName(mib), sizeName(mib)); err != nil {
			return outcome{}, err
		}
	}
	err = b.rounds(leastRounds, able, func(p program) error {
		for _, mib := range z.mib {
			m := move{job: jobGet, label: "get " + sizeText(mib<<20), remote: sizeName(mib), local: b.path("target"),
				want: wants[mib], bytes: mib << 20}
			if err := b.once(s, p, m, &result); err != nil {
				return err
			}
		}
		return nil
	})
	result.finish()
	return result, err
}

func sizeName(mib int64) string { return strconv.FormatInt(mib, 10) + "-mib" }

// growth measures sjcp alone at 1 GiB and at the largest size that this machine's memory has room for, up to 8 GiB:
// time per GiB and peak memory must stay.
func growth(job string) func(*bench, scenario) (outcome, error) {
	return func(b *bench, _ scenario) (outcome, error) {
		mine := *b
		b = &mine
		b.p = "16"
		memory := *b
		var err error
		// Where pages are dirtied, in memory: the disk's writing would be measured otherwise.
		if memory.folder, err = os.MkdirTemp("/dev/shm", "sjbench-"); err != nil {
			return outcome{}, err
		}
		defer func() { _ = os.RemoveAll(memory.folder) }()
		largest := b.largest()
		if largest < 2<<30 {
			return outcome{}, errors.New("too little memory for this scenario")
		}
		g := growthRun{bench: b, sizes: []int64{1 << 30, largest}, job: job, target: memory.path("target")}
		site := &memory // of the pieces
		if job == jobGet {
			site = b
		}
		if g.site, err = site.open(layout{nodes: leanNodes, rs: leanScheme, files: true}); err != nil {
			return outcome{}, err
		}
		defer g.site.close()
		return g.run()
	}
}

// memoryAvailable is in bytes; 0 where the system does not tell.
func memoryAvailable() int64 {
	available, _ := strconv.ParseInt(strings.TrimSuffix(fileValue("/proc/meminfo", "MemAvailable", ":"), " kB"), 10, 64)
	return available << 10
}

// largest is the object that fits into what memory there is twice over, or what --size says.
func (b *bench) largest() int64 {
	if b.mib > 0 {
		return b.mib << 20
	}
	var shared syscall.Statfs_t
	_ = syscall.Statfs("/dev/shm", &shared)
	limit := min(float64(memoryAvailable())/2.3, float64(shared.Bavail)*float64(shared.Bsize)/1.15)
	size := int64(8 << 30)
	for float64(size) > limit {
		size /= 2
	}
	return size
}

type growthRun struct {
	*bench
	site   *site
	sizes  []int64
	job    string
	target string
	wants  []string
	result outcome
}

func (g *growthRun) run() (outcome, error) {
	g.result = outcome{Nodes: leanNodes, Redundancy: leanScheme}
	sjcp, err := findProgram("sjcp")
	if err != nil {
		return outcome{}, err
	}
	for _, size := range g.sizes {
		want, err := g.makeSource(name(size), size)
		if err != nil {
			return outcome{}, err
		}
		g.wants = append(g.wants, want)
		if g.job == jobGet {
			if err := errors.Join(g.store(g.site, name(size), name(size)), os.Remove(g.path(name(size)))); err != nil {
				return outcome{}, err
			}
		}
	}
	syscall.Sync()
	err = g.rounds(leastRounds, []program{sjcp}, func(p program) error {
		for i, size := range g.sizes {
			m := move{job: g.job, label: g.job + " " + sizeText(size), remote: name(size), local: g.target,
				want: g.wants[i], bytes: size}
			if g.job == jobPut {
				m.local = g.path(name(size))
			}
			if err := g.once(g.site, p, m, &g.result); err != nil {
				return err
			}
		}
		return nil
	})
	g.result.finish()
	g.compare()
	return g.result, err
}

func name(size int64) string { return filepath.Base(strings.ReplaceAll(sizeText(size), " ", "-")) }

// compare notes what the number to reach is about.
func (g *growthRun) compare() {
	var perGiB, peaks []float64
	for _, size := range g.sizes {
		m, found := g.result.median("sjcp", g.job+" "+sizeText(size))
		if !found {
			return
		}
		perGiB = append(perGiB, m.WallSeconds/float64(size)*(1<<30))
		peaks = append(peaks, m.PeakMiB)
	}
	figureName := figureGrowthGet
	if g.job == jobPut {
		figureName = figureGrowthPut
	}
	g.result.Figures = append(g.result.Figures,
		one(figureName, "%", 100*math.Abs(perGiB[1]/perGiB[0]-1)),
		one(figurePeak, "MiB", max(peaks[0], peaks[1])),
		one(figurePeakGrowth, "", peaks[1]/peaks[0]),
		one(fmt.Sprintf("wall per GiB at %s", sizeText(g.sizes[0])), "s", perGiB[0]),
		one(fmt.Sprintf("wall per GiB at %s", sizeText(g.sizes[1])), "s", perGiB[1]))
}

func one(name, unit string, value float64) figure {
	return figure{Name: name, Unit: unit, Value: value, Runs: []float64{value}}
}
