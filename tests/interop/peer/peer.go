// Package peer is the other side of the interop tests and benchmarks: the network's published client library, in the
// few ways that they use it.
package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"
	"storj.io/common/grant"
	"storj.io/common/storj"
	"storj.io/uplink"
	"storj.io/uplink/private/testuplink"
)

// segmentSize is the network's largest segment: parallel downloads are cut there.
const segmentSize = 64 << 20

// Open opens the project of a serialized grant.
func Open(ctx context.Context, serialized string) (*uplink.Project, error) {
	access, err := uplink.ParseAccess(serialized)
	if err != nil {
		return nil, err
	}
	return uplink.Config{UserAgent: "sjcp-interop"}.OpenProject(ctx, access)
}

// LibraryVersion is the version of the library that this program was built with.
func LibraryVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "storj.io/uplink" {
				return module.Path + " " + module.Version
			}
		}
	}
	return "storj.io/uplink"
}

// UploadOptions are the parts of an upload besides its content.  A zero Expires means never.
type UploadOptions struct {
	Expires  time.Time
	Metadata map[string]string
}

// Upload stores content under key in one go.
func Upload(ctx context.Context, project *uplink.Project, bucket, key string, content io.Reader, options UploadOptions) error {
	upload, err := project.UploadObject(ctx, bucket, key, &uplink.UploadOptions{Expires: options.Expires})
	if err != nil {
		return err
	}
	_, err = io.Copy(upload, content)
	if err == nil && options.Metadata != nil {
		err = upload.SetCustomMetadata(ctx, options.Metadata)
	}
	if err != nil {
		return errors.Join(err, upload.Abort())
	}
	return upload.Commit()
}

// Patiently repeats an attempt that the satellite refused for its rate of requests, for some minutes; what it does must
// bear that.
func Patiently(ctx context.Context, attempt func() error) error {
	const patience, longest = 3 * time.Minute, 4 * time.Second
	delay := 250 * time.Millisecond
	for begun := time.Now(); ; delay = min(2*delay, longest) {
		err := attempt()
		if !errors.Is(err, uplink.ErrTooManyRequests) || time.Since(begun) > patience {
			return err
		}
		// Those that were refused together do not come back together.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay/2 + rand.N(delay)):
		}
	}
}

// UploadParts begins a multipart upload and sends a part of each of the given sizes, cut from content in the order of
// their numbers.  The upload stays pending; CommitUpload with the returned id ends it.
func UploadParts(ctx context.Context, project *uplink.Project, bucket, key string, content io.Reader, numbers []uint32, sizes []int64) (string, error) {
	info, err := project.BeginUpload(ctx, bucket, key, nil)
	if err != nil {
		return "", err
	}
	for i, number := range numbers {
		part, err := project.UploadPart(ctx, bucket, key, info.UploadID, number)
		if err != nil {
			return "", err
		}
		if _, err := io.CopyN(part, content, sizes[i]); err != nil {
			return "", errors.Join(err, part.Abort())
		}
		if err := part.Commit(); err != nil {
			return "", err
		}
	}
	return info.UploadID, nil
}

// Download writes length bytes of the object from offset on; a negative length means to its end, a negative offset
// counts from it.
func Download(ctx context.Context, project *uplink.Project, bucket, key string, offset, length int64, to io.Writer) error {
	download, err := project.DownloadObject(ctx, bucket, key, &uplink.DownloadOptions{Offset: offset, Length: length})
	if err != nil {
		return err
	}
	_, err = io.Copy(to, download)
	return errors.Join(err, download.Close())
}

// DownloadParallel writes the whole object, at most parallelism segments at a time, each as a download of its own.
// That is how the network's command-line client does it.
func DownloadParallel(ctx context.Context, project *uplink.Project, bucket, key string, parallelism int, to io.WriterAt) error {
	object, err := project.StatObject(ctx, bucket, key)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelism)
	for offset := int64(0); offset < object.System.ContentLength; offset += segmentSize {
		length := min(segmentSize, object.System.ContentLength-offset)
		group.Go(func() error {
			return Download(ctx, project, bucket, key, offset, length, io.NewOffsetWriter(to, offset))
		})
	}
	return group.Wait()
}

// Entry is one line of a listing.
type Entry struct {
	Key      string
	IsPrefix bool
	Size     int64
}

// List returns what is under prefix, which is empty or ends with '/'; keys are relative to it.  pageSize is the number
// of entries asked for at a time; 0 leaves it to the library.
func List(ctx context.Context, project *uplink.Project, bucket, prefix string, recursive bool, pageSize int) ([]Entry, error) {
	if pageSize > 0 {
		ctx = testuplink.WithListLimit(ctx, pageSize)
	}
	objects := project.ListObjects(ctx, bucket, &uplink.ListObjectsOptions{Prefix: prefix, Recursive: recursive, System: true})
	var entries []Entry
	for objects.Next() {
		item := objects.Item()
		entries = append(entries, Entry{item.Key[len(prefix):], item.IsPrefix, item.System.ContentLength})
	}
	return entries, objects.Err()
}

// Pending returns the keys of the uploads in bucket that were begun and not committed.
func Pending(ctx context.Context, project *uplink.Project, bucket string) ([]string, error) {
	uploads := project.ListUploads(ctx, bucket, &uplink.ListUploadsOptions{Recursive: true})
	var keys []string
	for uploads.Next() {
		keys = append(keys, uploads.Item().Key)
	}
	return keys, uploads.Err()
}

// WithNullPaths returns the same grant with object keys left in the clear.
func WithNullPaths(serialized string) (string, error) {
	access, err := grant.ParseAccess(serialized)
	if err != nil {
		return "", err
	}
	access.EncAccess.SetDefaultPathCipher(storj.EncNull)
	return access.Serialize()
}

// WithPassphrase returns a grant with the same API key whose encryption key comes from a passphrase and from the
// project's salt, which the satellite is asked for.
func WithPassphrase(ctx context.Context, serialized, passphrase string) (string, error) {
	access, err := grant.ParseAccess(serialized)
	if err != nil {
		return "", err
	}
	made, err := uplink.RequestAccessWithPassphrase(ctx, access.SatelliteAddress, access.APIKey.Serialize(), passphrase)
	if err != nil {
		return "", fmt.Errorf("grant from passphrase: %w", err)
	}
	return made.Serialize()
}

// Share restricts a grant to prefixes of one bucket; "" is all of it.
func Share(serialized string, permission uplink.Permission, bucket string, prefixes ...string) (string, error) {
	access, err := uplink.ParseAccess(serialized)
	if err != nil {
		return "", err
	}
	var shared []uplink.SharePrefix
	for _, prefix := range prefixes {
		shared = append(shared, uplink.SharePrefix{Bucket: bucket, Prefix: prefix})
	}
	restricted, err := access.Share(permission, shared...)
	if err != nil {
		return "", err
	}
	return restricted.Serialize()
}
