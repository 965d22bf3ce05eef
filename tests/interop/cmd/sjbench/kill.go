package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	kills           = 50
	killMiB         = 1024
	killParallelism = 2
	segmentSize     = 64 << 20
)

// kill ends a download with SIGKILL at a random moment, has the same command take it up, and counts what the nodes had to
// send more often than once; fifty times.
func kill(b *bench, _ scenario) (outcome, error) {
	mib := int64(killMiB)
	if b.mib > 0 {
		mib = b.mib
	}
	size := mib << 20
	want, err := b.makeSource("source", size)
	if err != nil {
		return outcome{}, err
	}
	s, err := b.open(layout{nodes: fullNodes, rs: fullScheme})
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	if err := b.store(s, "source", "object"); err != nil {
		return outcome{}, err
	}
	folder := b.path("killed")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return outcome{}, err
	}
	run := killRun{bench: b, site: s, target: filepath.Join(folder, "target"), want: want}
	if run.once, err = run.sent(run.first); err != nil {
		return outcome{}, err
	}
	var again, beyond []float64
	inFlight := float64(killParallelism*segmentSize) / float64(size)
	random := rand.New(rand.NewPCG(1, 2))
	for len(again) < kills {
		sent, err := run.sent(func() error { return run.interrupted(random.Float64()) })
		if errors.Is(err, errTooLate) {
			continue
		}
		if err != nil {
			return outcome{}, fmt.Errorf("after %d kills: %w", len(again), err)
		}
		part := max(0, float64(sent)/float64(run.once)-1)
		again = append(again, part*float64(mib))
		beyond = append(beyond, 100*max(0, part-inFlight))
	}
	return outcome{Nodes: fullNodes, Redundancy: fullScheme, Bytes: size, Figures: []figure{
		one("kills", "", kills),
		{Name: "bytes fetched again", Unit: "MiB", Value: median(again), Runs: again},
		one("bytes fetched again, at worst", "MiB", slices.Max(again)),
		{Name: figureRefetched, Unit: "%", Value: slices.Max(beyond), Runs: beyond},
	}}, nil
}

type killRun struct {
	*bench
	site     *site
	target   string
	want     string
	once     int64         // bytes that the nodes send for one download
	duration time.Duration // that it takes
}

var errTooLate = errors.New("the download was over before it was killed")

// sent is what the nodes send while the action runs.
func (k *killRun) sent(action func() error) (int64, error) {
	before, err := k.site.stats(k.ctx)
	if err != nil {
		return 0, err
	}
	if err := action(); err != nil {
		return 0, err
	}
	after, err := k.site.stats(k.ctx)
	if err != nil {
		return 0, err
	}
	return after.Sent - before.Sent, nil
}

func (k *killRun) start() (*exec.Cmd, error) {
	process := exec.CommandContext(k.ctx, k.tool("sjcp"), "cp", "-p", fmt.Sprint(killParallelism), "--progress=none",
		remotePath("object"), k.target)
	process.Env = k.site.environment()
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return process, process.Start()
}

// first is a download that nothing interrupts: it tells how long one takes.
func (k *killRun) first() error {
	begin := time.Now()
	if err := k.fetch(); err != nil {
		return err
	}
	k.duration = time.Since(begin)
	return checkFile(k.target, k.want)
}

// whole downloads the object, or what is missing of it, and checks it.
func (k *killRun) whole() error {
	if err := k.fetch(); err != nil {
		return err
	}
	return checkFile(k.target, k.want)
}

func (k *killRun) fetch() error {
	process, err := k.start()
	if err != nil {
		return err
	}
	return process.Wait()
}

// interrupted kills a download when this part of its time has passed, and has it ended by another process.
func (k *killRun) interrupted(part float64) error {
	process, err := k.start()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case <-time.After(time.Duration(part * float64(k.duration))):
		_ = process.Process.Kill()
		if err := <-ended; err != nil {
			return k.whole()
		}
	case err := <-ended:
		if err != nil {
			return err
		}
	}
	return errors.Join(errTooLate, os.Remove(k.target))
}
