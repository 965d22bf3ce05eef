package interop

import (
	"maps"
	"testing"

	"storj.io/uplink"

	"sjcp/tests/interop/peer"
)

// metadata returns an object's custom metadata as the library sees it.
func metadata(t *testing.T, key string) map[string]string {
	t.Helper()
	var custom uplink.CustomMetadata
	check(t, library.with(t, fullGrant, func(project *uplink.Project) error {
		object, err := project.StatObject(t.Context(), bucket, key)
		if err == nil {
			custom = object.Custom
		}
		return err
	}))
	return custom
}

func TestLibraryReadsWhatTheSatelliteCopiedForSjcp(t *testing.T) {
	labels := map[string]string{"colour": "blue", "größe": "12"}
	for name, size := range map[string]int64{
		"empty": 0, "inline": 4000, "remote": 100_000, "segments": 2*segment + 12345,
	} {
		t.Run(name, func(t *testing.T) {
			from, to := "copy/from/"+name, "copy/a deeper/place/"+name
			putContentWith(t, from, 30, size, peer.UploadOptions{Metadata: labels})
			cleanup(t, to)
			sjcp.must(t, fullGrant, "cp", url(from), url(to))
			library.remove(t, fullGrant, from)
			if library.get(t, fullGrant, to, 0, -1) != contentSum(t, 30, size) {
				t.Error("other bytes")
			}
			if got := metadata(t, to); !maps.Equal(got, labels) {
				t.Errorf("metadata %v", got)
			}
			if size > segment {
				for _, offset := range []int64{1, segment - 5, segment, 2*segment + 100} {
					if library.get(t, fullGrant, to, offset, 10) != sjcp.get(t, fullGrant, to, offset, 10) {
						t.Errorf("other bytes from %d on", offset)
					}
				}
			}
			again := to + "-again"
			cleanup(t, again)
			sjcp.must(t, fullGrant, "cp", "--metadata", `{"only":"this"}`, url(to), url(again))
			if got := metadata(t, again); !maps.Equal(got, map[string]string{"only": "this"}) {
				t.Errorf("replaced metadata %v", got)
			}
			if library.get(t, fullGrant, again, 0, -1) != contentSum(t, 30, size) {
				t.Error("other bytes under other metadata")
			}
		})
	}
}

func TestPartsCopiedForSjcpAreReadByTheLibrary(t *testing.T) {
	sizes := []int64{5 * mib, 6 * mib, 1000}
	var total int64
	for _, size := range sizes {
		total += size
	}
	id, err := peer.UploadParts(t.Context(), project, bucket, "copy/parts", peer.Content(31, total), []uint32{1, 2, 5}, sizes)
	check(t, err)
	_, err = project.CommitUpload(t.Context(), bucket, "copy/parts", id, nil)
	check(t, err)
	cleanup(t, "copy/parts")
	cleanup(t, "copy/of-parts")
	sjcp.must(t, fullGrant, "cp", url("copy/parts"), url("copy/of-parts"))
	if library.get(t, fullGrant, "copy/of-parts", 0, -1) != contentSum(t, 31, total) {
		t.Error("other bytes")
	}
}

func TestSjcpReadsWhatTheLibraryCopied(t *testing.T) {
	putContent(t, "copy/by-library", 32, 100_000)
	cleanup(t, "copy/by-library")
	cleanup(t, "copy/of-library")
	_, err := project.CopyObject(t.Context(), bucket, "copy/by-library", bucket, "copy/of-library", nil)
	check(t, err)
	if sjcp.get(t, fullGrant, "copy/of-library", 0, -1) != contentSum(t, 32, 100_000) {
		t.Error("other bytes")
	}
}
