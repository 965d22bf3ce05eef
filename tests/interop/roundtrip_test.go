package interop

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"storj.io/uplink"

	"sjcp/tests/interop/peer"
)

const (
	mib     = 1 << 20
	segment = 64 * mib
)

// sizes are those around which something changes: inline or remote, one stripe or two, one segment or two, and a last
// segment that is inline.
var sizes = []int64{
	0, 1, 4095, 4096, 4097, 7403, 7404, 7405, 7406, 7407, 7408, 7409,
	segment - 1, segment, segment + 1, segment + 4096, segment + 4097, 200_000_000,
}

// roundTrips stores each size with each client and reads it with each.
func roundTrips(t *testing.T, grant string, sizes []int64) {
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			source := contentFile(t, uint64(size), size)
			want := contentSum(t, uint64(size), size)
			for _, writer := range clients {
				key := fmt.Sprintf("round-trip/%s-%d", writer.name(), size)
				writer.put(t, grant, key, source)
				for _, reader := range clients {
					if got := reader.get(t, grant, key, 0, -1); got != want {
						t.Errorf("written by %s, read by %s: other bytes", writer.name(), reader.name())
					}
				}
				sjcp.remove(t, grant, key)
			}
		})
	}
}

func TestEverySizeIsReadBackByBothClientsWhoeverWroteIt(t *testing.T) {
	roundTrips(t, fullGrant, sizes)
}

func TestSizesAreReadBackUnderNullPathCipher(t *testing.T) {
	grant, err := peer.WithNullPaths(fullGrant)
	check(t, err)
	roundTrips(t, grant, []int64{1, 7405, 1_000_000})
}

func TestSizesAreReadBackUnderGrantFromPassphrase(t *testing.T) {
	grant, err := peer.WithPassphrase(t.Context(), fullGrant, "correct horse battery staple")
	check(t, err)
	roundTrips(t, grant, []int64{1, 7405, 1_000_000})
}

func TestSizesAreReadBackFromEightyNodes(t *testing.T) {
	if live() {
		t.Skip("a live satellite has the nodes that it has")
	}
	network, err := startNetwork("--nodes", "84", "--rs", "29/35/65/80")
	check(t, err)
	defer func() { check(t, network.stop()) }()
	opened, err := peer.Open(t.Context(), network.grant)
	check(t, err)
	_, err = opened.CreateBucket(t.Context(), bucket)
	check(t, err)
	check(t, opened.Close())
	roundTrips(t, network.grant, []int64{4097, 7405, 1_000_000, segment + 4097})
}

func TestUploadFromStandardInputIsReadBack(t *testing.T) {
	for _, size := range []int64{0, 1, 4097, segment + 1} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			key := fmt.Sprintf("stdin/%d", size)
			command := exec.CommandContext(t.Context(), sjcpBinary, "cp", "--progress=false", "-", url(key))
			command.Stdin = peer.Content(3, size)
			succeeded(t, finish(t, command, fullGrant), command.Args)
			cleanup(t, key)
			if got, want := library.get(t, fullGrant, key, 0, -1), contentSum(t, 3, size); got != want {
				t.Error("other bytes")
			}
		})
	}
}

func TestDownloadToStandardOutputIsTheObject(t *testing.T) {
	const size = segment + 4097
	putContent(t, "stdout", 4, size)
	cleanup(t, "stdout")
	path := filepath.Join(t.TempDir(), "out")
	output, err := os.Create(path)
	check(t, err)
	command := exec.CommandContext(t.Context(), sjcpBinary, "cp", "-p", "4", url("stdout"), "-")
	command.Stdout = output
	succeeded(t, finish(t, command, fullGrant), command.Args)
	check(t, output.Close())
	if fileSum(t, path) != contentSum(t, 4, size) {
		t.Error("other bytes")
	}
}

// multipart is an object of uneven parts: the first ends inside a segment, part numbers have gaps, and the last part
// is inline.
var multipart = struct {
	numbers []uint32
	sizes   []int64
}{[]uint32{1, 2, 7, 9, 10}, []int64{5*mib + 1, segment + 12345, 5 * mib, 6*mib + 7408, 17}}

func putMultipart(t *testing.T, key string, seed uint64) (size int64) {
	t.Helper()
	for _, part := range multipart.sizes {
		size += part
	}
	id, err := peer.UploadParts(t.Context(), project, bucket, key, peer.Content(seed, size), multipart.numbers, multipart.sizes)
	check(t, err)
	_, err = project.CommitUpload(t.Context(), bucket, key, id, &uplink.CommitUploadOptions{})
	check(t, err)
	cleanup(t, key)
	return size
}

func TestObjectOfUnevenPartsIsReadBack(t *testing.T) {
	size := putMultipart(t, "multipart", 5)
	for _, reader := range clients {
		if reader.get(t, fullGrant, "multipart", 0, -1) != contentSum(t, 5, size) {
			t.Errorf("read by %s: other bytes", reader.name())
		}
	}
}

// rangeSum is the SHA-256 of a range of a content.
func rangeSum(t *testing.T, path string, offset, length int64) string {
	t.Helper()
	file, err := os.Open(path)
	check(t, err)
	defer func() { _ = file.Close() }()
	sum, _, err := peer.Sum(io.NewSectionReader(file, offset, length))
	check(t, err)
	return sum
}

func TestRangesAreTheSameBytesWithBothClients(t *testing.T) {
	objects := map[string]int64{
		"range/inline": 4000,
		"range/remote": 300_000,
		"range/two":    segment + 100_000,
	}
	for key, size := range objects {
		putContent(t, key, 6, size)
		cleanup(t, key)
	}
	objects["range/parts"] = putMultipart(t, "range/parts", 6)
	random := rand.New(rand.NewPCG(7, 7))
	for key, size := range objects {
		t.Run(key, func(t *testing.T) {
			source := contentFile(t, 6, size)
			type span struct{ offset, length int64 }
			spans := []span{{0, 1}, {size - 1, 1}, {0, size}, {size / 2, -1}, {-100, -1}}
			for range 8 {
				offset := random.Int64N(size)
				spans = append(spans, span{offset, 1 + random.Int64N(min(size-offset, 3*mib))})
			}
			if size > segment {
				spans = append(spans, span{segment - 5000, 10000}, span{segment, 1}, span{segment - 1, 1})
			}
			for _, span := range spans {
				begin, end := span.offset, span.offset+span.length
				if begin < 0 {
					begin += size
				}
				if span.length < 0 {
					end = size
				}
				want := rangeSum(t, source, begin, end-begin)
				for _, reader := range clients {
					if reader.get(t, fullGrant, key, span.offset, span.length) != want {
						t.Errorf("%s: bytes of %+v differ", reader.name(), span)
					}
				}
			}
		})
	}
}

func TestRangeBeyondTheObjectIsRefused(t *testing.T) {
	putContent(t, "short", 8, 100)
	cleanup(t, "short")
	result := sjcp.run(t, fullGrant, "cp", "--range", "bytes=100-200", url("short"), "-")
	if result.code == 0 || result.stdout != "" {
		t.Errorf("exit code %d and %d bytes for a range beyond the end", result.code, len(result.stdout))
	}
}

func TestLaterUploadReplacesTheObject(t *testing.T) {
	cleanup(t, "overwrite")
	for i, writer := range []client{library, sjcp, library, sjcp} {
		size := int64(10_000 * (4 - i))
		writer.put(t, fullGrant, "overwrite", contentFile(t, uint64(i), size))
		for _, reader := range clients {
			if reader.get(t, fullGrant, "overwrite", 0, -1) != contentSum(t, uint64(i), size) {
				t.Errorf("upload %d by %s, read by %s: other bytes", i, writer.name(), reader.name())
			}
		}
	}
}
