package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	kills           = 50
	killMiB         = 1024
	killParallelism = 2
)

// kill ends one download with SIGKILL at random moments, has each next run take it up, and counts what the nodes had to
// send more often than once.
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
	run := killRun{bench: b, site: s, target: filepath.Join(folder, "target")}
	begin := time.Now()
	if err := run.whole(); err != nil {
		return outcome{}, err
	}
	run.duration = time.Since(begin)
	if err := checkFile(run.target, want); err != nil {
		return outcome{}, err
	}
	before, err := s.stats(b.ctx)
	if err != nil {
		return outcome{}, err
	}
	if err := run.interrupted(want); err != nil {
		return outcome{}, err
	}
	after, err := s.stats(b.ctx)
	if err != nil {
		return outcome{}, err
	}
	again := float64(after.Sent-before.Sent)/float64(size) - float64(run.finished)
	inFlight := float64(run.killed) * killParallelism * (64 << 20) / float64(size)
	result := outcome{Nodes: fullNodes, Redundancy: fullScheme, Bytes: size, Figures: []figure{
		one("kills", "", float64(run.killed)),
		one("downloads that they were spread over", "", float64(run.finished)),
		one("bytes fetched again, in all, in % of the object", "%", 100*again),
		one("of these per kill", "MiB", again*float64(mib)/float64(run.killed)),
		one(figureRefetched, "%", 100*max(0, again-inFlight)),
	}}
	return result, nil
}

type killRun struct {
	*bench
	site     *site
	target   string
	duration time.Duration // that one download takes
	killed   int
	finished int
}

func (k *killRun) start() (*exec.Cmd, error) {
	process := exec.CommandContext(k.ctx, k.tool("sjcp"), "cp", "-p", fmt.Sprint(killParallelism), "--progress=none",
		remotePath("object"), k.target)
	process.Env = k.site.environment()
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return process, process.Start()
}

func (k *killRun) whole() error {
	process, err := k.start()
	if err != nil {
		return err
	}
	return process.Wait()
}

// interrupted goes on until the object is whole and there were enough kills; a download that ends before is checked and
// begun anew.
func (k *killRun) interrupted(want string) error {
	random := rand.New(rand.NewPCG(1, 2))
	for k.killed < kills || k.finished == 0 {
		process, err := k.start()
		if err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- process.Wait() }()
		var moment <-chan time.Time
		if k.killed < kills {
			moment = time.After(time.Duration(random.Float64() * float64(k.duration) / 4))
		}
		select {
		case <-moment:
			_ = process.Process.Kill()
			if err := <-ended; err != nil {
				k.killed++
				continue
			}
		case err := <-ended:
			if err != nil {
				return err
			}
		}
		if err := checkFile(k.target, want); err != nil {
			return errors.Join(fmt.Errorf("after %d kills", k.killed), err)
		}
		k.finished++
	}
	return nil
}
