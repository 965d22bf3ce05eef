package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"storj.io/uplink"

	"sjcp/tests/interop/peer"
)

// oddKeys are keys that a client could be tempted to tidy.
var oddKeys = []string{
	"with space", " leading and trailing ", "100%", "%2F", "a+b=c&d?e#f", `back\slash "quoted" 'twice'`,
	"grüße/ключ/鍵/🗝", "e\u0301 is not é", "tab\tand\nnewline",
	"/leading", "//two leading", "double//slash", "three///slashes",
	".", "..", "./x", "../x", "a/./b", "a/../b", "a/..", "-", "-r", "sj://x",
	strings.Repeat("k", 1000), strings.Repeat("deep/", 60) + "down",
}

// slashKeys end with a slash: sjcp reads, lists and removes them, but as a destination such a key is a folder.
var slashKeys = []string{"trailing/", "trailing//", "/"}

func TestOddKeysAreTheSameObjectToBothClients(t *testing.T) {
	nullPaths, err := peer.WithNullPaths(fullGrant)
	check(t, err)
	for cipher, grant := range map[string]string{"AESGCM": fullGrant, "NULL": nullPaths} {
		for _, odd := range oddKeys {
			t.Run(fmt.Sprintf("%s %.20q", cipher, odd), func(t *testing.T) {
				for i, writer := range clients {
					key, seed := odd, uint64(100+i)
					writer.put(t, grant, key, contentFile(t, seed, 20))
					for _, reader := range clients {
						if reader.get(t, grant, key, 0, -1) != contentSum(t, seed, 20) {
							t.Errorf("written by %s, read by %s: other bytes", writer.name(), reader.name())
						}
					}
					clients[1-i].remove(t, grant, key)
				}
			})
		}
	}
}

func TestKeysThatEndWithSlashAreReadAndRemoved(t *testing.T) {
	for _, key := range slashKeys {
		t.Run(key, func(t *testing.T) {
			putContent(t, key, 9, 20)
			if sjcp.get(t, fullGrant, key, 0, -1) != contentSum(t, 9, 20) {
				t.Error("other bytes")
			}
			sjcp.remove(t, fullGrant, key)
			if _, err := project.StatObject(t.Context(), bucket, key); err == nil {
				t.Error("still there")
			}
		})
	}
}

// sorted returns entries in the order of their keys; the network's own order is that of the encrypted keys.
func sorted(entries []peer.Entry) []peer.Entry {
	slices.SortFunc(entries, func(a, b peer.Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries
}

func sameListing(t *testing.T, grant, prefix string, recursive bool) []peer.Entry {
	t.Helper()
	want := sorted(library.list(t, grant, prefix, recursive))
	got := sorted(sjcp.list(t, grant, prefix, recursive))
	if !slices.Equal(got, want) {
		t.Errorf("listing %q, recursive %v:\n sjcp    %+v\n library %+v", prefix, recursive, got, want)
	}
	return got
}

func TestListingsOfOddKeysAreTheSameWithBothClients(t *testing.T) {
	for i, key := range append(slices.Clone(oddKeys), slashKeys...) {
		putContent(t, "list/"+key, 10, int64(i))
		cleanup(t, "list/"+key)
	}
	recursive := sameListing(t, fullGrant, "list/", true)
	if want := len(oddKeys) + len(slashKeys); len(recursive) != want {
		t.Errorf("%d of %d objects listed", len(recursive), want)
	}
	for _, prefix := range []string{"", "list/", "list//", "list///", "list/a/", "list/../", "list/grüße/", "list/missing/"} {
		sameListing(t, fullGrant, prefix, false)
	}
}

func TestListingsOverSeveralPagesAreComplete(t *testing.T) {
	const count = 2100 // the satellite's pages hold 1000
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for i := range count {
		group.Go(func() error {
			key := fmt.Sprintf("many/%d/%04d", i%3, i)
			return peer.Patiently(ctx, func() error {
				return peer.Upload(ctx, project, bucket, key, peer.Content(0, 0), peer.UploadOptions{})
			})
		})
	}
	check(t, group.Wait())
	all := sjcp.list(t, fullGrant, "many/", true)
	distinct := map[string]bool{}
	for _, entry := range all {
		distinct[entry.Key] = true
	}
	if len(all) != count || len(distinct) != count {
		t.Errorf("%d entries, %d of them distinct, for %d objects", len(all), len(distinct), count)
	}
	if prefixes := sjcp.list(t, fullGrant, "many/", false); len(prefixes) != 3 {
		t.Errorf("%d prefixes: %+v", len(prefixes), prefixes)
	}
	if !live() {
		small, err := peer.List(t.Context(), project, bucket, "many/", true, 97)
		check(t, err)
		if !slices.Equal(sorted(small), sorted(all)) {
			t.Errorf("pages of 97 make %d entries", len(small))
		}
	}
	sjcp.must(t, fullGrant, "rm", "-r", url("many/"))
	if left := library.list(t, fullGrant, "many/", true); len(left) != 0 {
		t.Errorf("%d objects left after rm -r", len(left))
	}
}

func TestFolderGoesUpAndComesDownAsATree(t *testing.T) {
	tree := map[string]int64{"a": 1, "b/c": 5000, "b/d/e f": 0, "b/d/g": 100_000}
	source := t.TempDir()
	for name, size := range tree {
		path := filepath.Join(source, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.Rename(contentFile(t, uint64(size), size), path))
	}
	sjcp.must(t, fullGrant, "cp", "-r", "-t", "3", source, url("tree/"))
	sjcp.must(t, fullGrant, "ls", url("tree/"))
	for name, size := range tree {
		if library.get(t, fullGrant, "tree/"+name, 0, -1) != contentSum(t, uint64(size), size) {
			t.Errorf("%s: other bytes", name)
		}
		cleanup(t, "tree/"+name)
	}
	target := filepath.Join(t.TempDir(), "down")
	check(t, os.Mkdir(target, 0o755))
	sjcp.must(t, fullGrant, "cp", "-r", "-t", "3", url("tree/"), target)
	for name, size := range tree {
		if fileSum(t, filepath.Join(target, name)) != contentSum(t, uint64(size), size) {
			t.Errorf("%s: other bytes on the way down", name)
		}
	}
}

func TestKeysThatWouldLeaveTheFolderAreRefused(t *testing.T) {
	for _, key := range []string{"escape/../../out", "escape//etc/out", "escape/.."} {
		t.Run(key, func(t *testing.T) {
			putContent(t, key, 11, 10)
			cleanup(t, key)
			outer := t.TempDir()
			target := filepath.Join(outer, "in", "folder")
			check(t, os.MkdirAll(target, 0o755))
			result := sjcp.run(t, fullGrant, "cp", "-r", url("escape/"), target)
			entries, err := os.ReadDir(outer)
			check(t, err)
			inner, err := os.ReadDir(filepath.Join(outer, "in"))
			check(t, err)
			if len(entries) != 1 || len(inner) != 1 {
				t.Error("a file came to lie outside of the folder")
			}
			if result.code == 0 && strings.Contains(key, "..") {
				t.Error("exit code 0")
			}
		})
	}
}

func TestMetadataAndExpiryGivenToSjcpAreSeenByTheLibrary(t *testing.T) {
	expires := time.Now().Add(48 * time.Hour).Truncate(time.Second).UTC()
	for _, size := range []int64{10, 100_000} {
		key := fmt.Sprintf("metadata/%d", size)
		sjcp.must(t, fullGrant, "cp", "--expires", expires.Format(time.RFC3339), "--metadata", `{"color":"grün","empty":""}`,
			contentFile(t, 12, size), url(key))
		cleanup(t, key)
		object, err := project.StatObject(t.Context(), bucket, key)
		check(t, err)
		if !object.System.Expires.Equal(expires) {
			t.Errorf("expires %v, given %v", object.System.Expires, expires)
		}
		if len(object.Custom) != 2 || object.Custom["color"] != "grün" || object.Custom["empty"] != "" {
			t.Errorf("metadata %v", object.Custom)
		}
		if object.System.ContentLength != size {
			t.Errorf("size %d of %d", object.System.ContentLength, size)
		}
	}
}

func TestObjectsWithMetadataAndExpiryAreReadBySjcp(t *testing.T) {
	options := peer.UploadOptions{
		Expires:  time.Now().Add(time.Hour),
		Metadata: map[string]string{"s3:etag": "abc", strings.Repeat("k", 100): strings.Repeat("v", 1500)},
	}
	for _, size := range []int64{0, 10, 100_000} {
		key := fmt.Sprintf("with-metadata/%d", size)
		putContentWith(t, key, 13, size, options)
		cleanup(t, key)
		if sjcp.get(t, fullGrant, key, 0, -1) != contentSum(t, 13, size) {
			t.Errorf("%s: other bytes", key)
		}
	}
	sameListing(t, fullGrant, "with-metadata/", true)
}

func TestDeletedObjectIsGoneForBothClients(t *testing.T) {
	for i, remover := range clients {
		putContent(t, "deleted", 14, 100)
		remover.remove(t, fullGrant, "deleted")
		if _, err := project.StatObject(t.Context(), bucket, "deleted"); err == nil {
			t.Errorf("%d: the library still sees it", i)
		}
		if result := sjcp.run(t, fullGrant, "cp", url("deleted"), "-"); result.code != exitNotFound {
			t.Errorf("%d: exit code %d for a deleted object: %s", i, result.code, result.stderr)
		}
	}
}

func TestBucketsMadeByOneClientAreSeenByTheOther(t *testing.T) {
	other := uniqueBucket()
	sjcp.must(t, fullGrant, "mb", "sj://"+other)
	_, err := project.StatBucket(t.Context(), other)
	check(t, err)
	if !strings.Contains(sjcp.must(t, fullGrant, "ls"), other) {
		t.Error("not listed")
	}
	check(t, peer.Upload(t.Context(), project, other, "x", peer.Content(0, 1), peer.UploadOptions{}))
	if result := sjcp.run(t, fullGrant, "rb", "sj://"+other); result.code == 0 {
		t.Error("rb removed a bucket that is not empty")
	}
	sjcp.must(t, fullGrant, "rb", "--force", "sj://"+other)
	if _, err := project.StatBucket(t.Context(), other); err == nil {
		t.Error("still there after rb --force")
		_, _ = project.DeleteBucketWithObjects(context.WithoutCancel(t.Context()), other)
	}
	if _, err := project.CreateBucket(t.Context(), other); err != nil {
		t.Error(err)
	}
	sjcp.must(t, fullGrant, "rb", "sj://"+other)
}

func TestPendingUploadsAreNoObjects(t *testing.T) {
	id, err := peer.UploadParts(t.Context(), project, bucket, "pending/upload", peer.Content(15, 6*mib), []uint32{1}, []int64{6 * mib})
	check(t, err)
	if listed := sameListing(t, fullGrant, "pending/", true); len(listed) != 0 {
		t.Errorf("listed: %+v", listed)
	}
	if result := sjcp.run(t, fullGrant, "cp", url("pending/upload"), "-"); result.code != exitNotFound {
		t.Errorf("exit code %d for a pending upload", result.code)
	}
	_, err = project.CommitUpload(t.Context(), bucket, "pending/upload", id, &uplink.CommitUploadOptions{})
	check(t, err)
	cleanup(t, "pending/upload")
	if sjcp.get(t, fullGrant, "pending/upload", 0, -1) != contentSum(t, 15, 6*mib) {
		t.Error("other bytes after commit")
	}
}
