package main

import (
	"fmt"
	"math/rand/v2"
)

// What a download from few good nodes is like: twelve nodes hold a piece each, any four suffice, and as many as can be
// spared do badly, others in each round.
const (
	poorNodes  = 12
	poorNeeded = 4
	poorScheme = "4/6/12/12"
	poorMiB    = 30
	poorPace   = 2_000_000 // bytes per second of each stream, so that nodes are what takes the time
)

// faults are sjnet's, of one node.
type faults map[string]any

// poorKinds are the bad nodes that a healthy download is compared with.
var poorKinds = []struct {
	name   string
	faults faults
}{
	{"slow: 20 kB/s", faults{"bytes_per_second": 20_000}},
	{"stalling after 1,000 bytes", faults{"bytes_per_second": poorPace, "stall_after": 1000}},
	{"dead", faults{"down": true}},
	{"refusing", faults{"refuse": true}},
}

const figureHealthy = "all nodes good, in s"

func figurePoor(kind string) string {
	return fmt.Sprintf("%d of %d nodes %s: time, of that with good ones", poorNodes-poorNeeded, poorNodes, kind)
}

// poor downloads the same object from good nodes and from each kind of bad ones in turn.
func poor(b *bench, _ scenario) (outcome, error) {
	mib := int64(poorMiB)
	if b.mib > 0 {
		mib = b.mib
	}
	want, err := b.makeSource("source", mib<<20)
	if err != nil {
		return outcome{}, err
	}
	s, err := b.open(layout{nodes: poorNodes, rs: poorScheme})
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	if err := b.store(s, "source", "object"); err != nil {
		return outcome{}, err
	}
	result := outcome{Nodes: poorNodes, Redundancy: poorScheme, Bytes: mib << 20}
	ours, _, err := b.able(s, []string{"sjcp"})
	if err != nil {
		return outcome{}, err
	}
	random := rand.New(rand.NewPCG(3, 4))
	err = b.rounds(leastRounds, ours, func(p program) error {
		once := func(bad faults) (float64, error) {
			if err := s.faults(random.Perm(poorNodes)[:poorNodes-poorNeeded], bad); err != nil {
				return 0, err
			}
			taken, err := b.timer.time(b.ctx, s, p.command(b, s, jobGet, "object", b.path("target")))
			if err != nil {
				return 0, err
			}
			return taken.WallSeconds, checkFile(b.path("target"), want)
		}
		healthy, err := once(faults{"bytes_per_second": poorPace})
		if err != nil {
			return err
		}
		result.note(figureHealthy, "", healthy)
		for _, kind := range poorKinds {
			taken, err := once(kind.faults)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			result.note(figurePoor(kind.name), "", taken/healthy)
		}
		return nil
	})
	result.finish()
	return result, err
}

// faults gives these nodes the faults, and all others an even pace and no fault.
func (s *site) faults(nodes []int, bad faults) error {
	for _, request := range []map[string]any{
		{"op": "node", "nodes": "all", "faults": faults{"bytes_per_second": poorPace}},
		{"op": "node", "nodes": nodes, "faults": bad},
	} {
		var answer struct{ Error string }
		if err := s.ask(request, &answer); err != nil {
			return err
		}
		if answer.Error != "" {
			return fmt.Errorf("sjnet: %s", answer.Error)
		}
	}
	return nil
}
