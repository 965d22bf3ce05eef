package main

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"sjcp/tests/interop/peer"
)

// machine is what everything was measured on.
type machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	MemoryMiB int64  `json:"memory_mib"`
	System    string `json:"system"`
	Kernel    string `json:"kernel"`
	Load      string `json:"load"` // before the first run
}

func thisMachine() machine {
	memory, _ := strconv.ParseInt(strings.TrimSuffix(fileValue("/proc/meminfo", "MemTotal", ":"), " kB"), 10, 64)
	return machine{
		Processor: fileValue("/proc/cpuinfo", "model name", ":"),
		Cores:     runtime.NumCPU(),
		MemoryMiB: memory >> 10,
		System:    strings.Trim(fileValue("/etc/os-release", "PRETTY_NAME", "="), `"`),
		Kernel:    text("/proc/sys/kernel/osrelease"),
		Load:      text("/proc/loadavg"),
	}
}

func text(path string) string {
	content, _ := os.ReadFile(path)
	return strings.TrimSpace(string(content))
}

// fileValue is what follows a name in the first line of a file that has it.
func fileValue(path, wanted, separator string) string {
	for line := range strings.Lines(text(path)) {
		if name, value, found := strings.Cut(line, separator); found && strings.TrimSpace(name) == wanted {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// versions are those of the programs that are there.
func (b *bench) versions() map[string]string {
	versions := map[string]string{
		"storj.io/uplink": strings.TrimPrefix(peer.LibraryVersion(), "storj.io/uplink "),
		"go":              strings.TrimPrefix(runtime.Version(), "go"),
	}
	nginx, _ := findNginx()
	for name, c := range map[string]command{
		"sjcp": {b.tool("sjcp"), "--version"}, "rclone": {b.tool("rclone"), "--version"}, "aria2c": {"aria2c", "--version"},
		"curl": {"curl", "--version"}, "nginx": {nginx, "-v"}, "openssl": {"openssl", "version"},
		"awscli":          {b.python("aws"), "-c", "import awscli; print(awscli.__version__)"},
		"huggingface_hub": {b.python("hub"), "-c", "import huggingface_hub; print(huggingface_hub.__version__)"},
		"hf_transfer":     {b.python("hub"), "-c", "from importlib.metadata import version; print(version('hf_transfer'))"},
		"awscrt":          {b.python("aws"), "-c", "import awscrt; print(awscrt.__version__)"},
	} {
		output, err := exec.Command(c[0], c[1:]...).CombinedOutput()
		if err == nil {
			versions[name] = firstVersion(string(output))
		}
	}
	// It does not know its own, which its releases are told when they are built.
	if built, err := buildinfo.ReadFile(b.tool("versitygw")); err == nil {
		versions["versitygw"] = strings.TrimPrefix(built.Main.Version, "v")
	}
	return versions
}

// firstVersion is the first word of a program's answer that has a digit after perhaps a "v" or a name and "/".
func firstVersion(output string) string {
	for _, word := range strings.Fields(output) {
		word = strings.TrimPrefix(word[strings.LastIndex(word, "/")+1:], "v")
		if word != "" && word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	return "unknown"
}
