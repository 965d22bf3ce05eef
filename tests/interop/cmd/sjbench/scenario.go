package main

import (
	"fmt"
	"slices"
)

// scenario is one thing to measure, runnable by itself.
type scenario struct {
	name  string
	title string
	run   func(*bench, scenario) (outcome, error)
}

// The network's own scheme, and the small one of test networks.
const (
	fullScheme  = "29/35/65/80"
	fullNodes   = 84
	smallScheme = "4/6/8/10"
	smallNodes  = 10
)

// profiles are those of tests/wan, with the size of uploads: what takes all programs a few seconds.
var profiles = []struct {
	name string
	mib  int64
}{
	{"lan", 512}, {"metro", 512}, {"continent", 512}, {"ocean", 512}, {"antipode", 512}, {"home", 128}, {"mixed", 512}, {"lossy", 512},
}

// forNumbers are the scenarios that the table of numbers to reach draws on.
var forNumbers = []string{
	"get", "put", "get-ocean", "get-mixed", "get-home", "put-ocean", "small-ocean", "growth-get", "growth-put", "kill", "get-poor",
}

// forWeb are those of sources other than the network's own.
var forWeb = slices.Concat([]string{"web-lan", "web-ocean", "web-slow-path", "web-mirrors"}, forS3, []string{"web-hub"})

var forS3 = []string{
	"web-s3-get-lan", "web-s3-put-lan", "web-s3-get-ocean", "web-s3-put-ocean", "web-s3-small-lan", "web-s3-small-ocean",
}

func scenarios() []scenario {
	full := layout{nodes: fullNodes, rs: fullScheme}
	list := []scenario{
		{"cp", "put and get beside the Go library alone, loopback", transfer{full, 512, []string{jobPut, jobGet}, []string{"sjcp", "library"}}.run},
		{"get", "download, loopback", transfer{full, 512, []string{jobGet}, getPrograms}.run},
		{"put", "upload, loopback", transfer{full, 512, []string{jobPut}, putPrograms}.run},
	}
	for _, p := range profiles {
		wan := layout{profile: p.name, nodes: fullNodes, rs: fullScheme}
		get := transfer{wan, 512, []string{jobGet}, getPrograms}
		if p.name == "home" {
			// Three quarters of a minute each.
			get.programs = []string{"sjcp", "library", "aria2c", "curl"}
		}
		list = append(list,
			scenario{"get-" + p.name, "download, emulated " + p.name, get.run},
			scenario{"put-" + p.name, "upload, emulated " + p.name, transfer{wan, p.mib, []string{jobPut}, putPrograms}.run})
	}
	ten := layout{profile: "lan", nodes: smallNodes, rs: smallScheme}
	return append(list,
		scenario{"get-10", "download from 10 nodes, emulated lan", transfer{ten, 512, []string{jobGet}, getPrograms}.run},
		scenario{"put-10", "upload to 10 nodes, emulated lan", transfer{ten, 512, []string{jobPut}, putPrograms}.run},
		scenario{"sizes", "download of 1 to 256 MiB, loopback",
			sizes{[]int64{1, 4, 16, 64, 256}, []string{"sjcp", "library", "uplink-64M", "rclone"}}.run},
		scenario{"growth-get", "download of 1 GiB and of 8, loopback", growth(jobGet)},
		scenario{"growth-put", "upload of 1 GiB and of 8, loopback", growth(jobPut)},
		scenario{"small", "2,000 files of 4 KiB each way, loopback", small{full, smallPrograms}.run},
		scenario{"small-ocean", "2,000 files of 4 KiB each way, emulated ocean",
			small{layout{profile: "ocean", nodes: fullNodes, rs: fullScheme}, smallPrograms}.run},
		scenario{"cpu", "where CPU time goes, by perf, loopback", split{full, 512}.run},
		scenario{"kill", "50 times kill -9 and resume, loopback", kill},
		scenario{"get-poor", "download of 30 MiB from 12 nodes of which 8 do badly, loopback", poor},
		scenario{"web-lan", "1 GiB over HTTPS from nginx, loopback",
			webGet{layout{}, 1024, webPrograms()}.run},
		scenario{"web-ocean", "512 MiB over HTTPS from nginx, emulated ocean",
			webGet{layout{profile: "ocean"}, 512, webProgramsOf("sjcp", "aria2c", "aria2c-20M")}.run},
		scenario{"web-slow-path", "512 MiB from 16 addresses of nginx, one 20 times slower, emulated",
			webGet{slowPath, 512, webProgramsOf("sjcp", "aria2c", "aria2c-20M")}.run},
		scenario{"web-mirrors", "1 GiB from two mirrors of 50 MB/s each, emulated",
			webGet{twoMirrors, 1024, webProgramsOf("sjcp", "aria2c", "aria2c-20M")}.run},
		scenario{"web-s3-get-lan", "1 GiB from versitygw, loopback", s3Copy{layout{}, jobGet, 1024}.run},
		scenario{"web-s3-put-lan", "1 GiB to versitygw, loopback", s3Copy{layout{}, jobPut, 1024}.run},
		scenario{"web-s3-get-ocean", "1 GiB from versitygw, emulated ocean",
			s3Copy{layout{profile: "ocean"}, jobGet, 1024}.run},
		scenario{"web-s3-put-ocean", "1 GiB to versitygw, emulated ocean",
			s3Copy{layout{profile: "ocean"}, jobPut, 1024}.run},
		scenario{"web-s3-small-lan", "2,000 files of 4 KiB each way, versitygw, loopback", s3Small{layout{}}.run},
		scenario{"web-s3-small-ocean", "2,000 files of 4 KiB each way, versitygw, emulated ocean",
			s3Small{layout{profile: "ocean"}}.run},
		scenario{"web-hub", "a repository of 20 files, 1 GiB in all, from a hub, emulated ocean",
			hubCopy{layout{profile: "ocean"}}.run},
	)
}

// groups are names that stand for several scenarios.
var groups = map[string][]string{
	"numbers": forNumbers,
	"web":     forWeb,
	"web-s3":  forS3,
}

var smallPrograms = []string{"sjcp", "library", "rclone"}

// choose finds scenarios by the names of them or of groups.
func choose(names []string) ([]scenario, error) {
	var chosen []scenario
	for _, name := range names {
		if members, found := groups[name]; found {
			more, err := choose(members)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, more...)
			continue
		}
		i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown scenario %q (scripts/bench list has them)", name)
		}
		chosen = append(chosen, scenarios()[i])
	}
	return chosen, nil
}
