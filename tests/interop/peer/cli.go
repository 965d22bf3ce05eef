package peer

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"storj.io/common/rpc/rpcpool"
	"storj.io/uplink"
	"storj.io/uplink/private/transport"
)

// What the network's command-line client chooses for itself: parts of 1 GiB unless told otherwise, and room in its
// connection pool for 300 pieces of every part in flight.
const (
	defaultChunk       = 1 << 30
	piecesPerPart      = 300
	satelliteAllowance = 5
)

// OpenLikeUplink opens a project with the connection pool that the command-line client makes for so many parts and
// files at a time.
func OpenLikeUplink(ctx context.Context, serialized string, parallelism, transfers int) (*uplink.Project, error) {
	access, err := uplink.ParseAccess(serialized)
	if err != nil {
		return nil, err
	}
	config := uplink.Config{UserAgent: "sjcp-interop"}
	pool := rpcpool.New(rpcpool.Options{
		Capacity:       transfers*parallelism*piecesPerPart + satelliteAllowance,
		KeyCapacity:    2,
		IdleExpiration: 2 * time.Minute,
	})
	if err := transport.SetConnectionPool(ctx, &config, pool); err != nil {
		return nil, err
	}
	return config.OpenProject(ctx, access)
}

// CopyDown fetches an object as `uplink cp -p parallelism --parallelism-chunk-size chunk` does: the parts are opened one
// after the other, each by a call of its own, and copied at the same time.  0 is the client's own choice of chunk.
func CopyDown(ctx context.Context, project *uplink.Project, bucket, key string, parallelism int, chunk int64, to io.WriterAt) error {
	if chunk == 0 {
		chunk = defaultChunk
	}
	group, ctx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, parallelism)
	size := int64(-1)
	for offset := int64(0); size < 0 || offset < size; offset += chunk {
		part, err := project.DownloadObject(ctx, bucket, key, &uplink.DownloadOptions{Offset: offset, Length: chunk})
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		size = part.Info().System.ContentLength
		slots <- struct{}{}
		group.Go(func() error {
			defer func() { <-slots }()
			_, err := io.Copy(io.NewOffsetWriter(to, offset), part)
			return errors.Join(err, part.Close())
		})
	}
	return group.Wait()
}

// CopyUp stores a file as `uplink cp -p parallelism --parallelism-chunk-size chunk` does: as a multipart upload.  (The
// command-line client itself refuses chunks below 1 GiB unless it reads from a pipe.)
func CopyUp(ctx context.Context, project *uplink.Project, bucket, key string, parallelism int, chunk int64, from io.ReaderAt, size int64) error {
	if chunk == 0 {
		chunk = defaultChunk
	}
	info, err := project.BeginUpload(ctx, bucket, key, nil)
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, parallelism)
	for number, offset := uint32(0), int64(0); number == 0 || offset < size; number, offset = number+1, offset+chunk {
		part, err := project.UploadPart(groupCtx, bucket, key, info.UploadID, number)
		if err != nil {
			return errors.Join(err, group.Wait(), project.AbortUpload(ctx, bucket, key, info.UploadID))
		}
		slots <- struct{}{}
		group.Go(func() error {
			defer func() { <-slots }()
			if _, err := io.Copy(part, io.NewSectionReader(from, offset, chunk)); err != nil {
				return errors.Join(err, part.Abort())
			}
			return part.Commit()
		})
	}
	if err := group.Wait(); err != nil {
		return errors.Join(err, project.AbortUpload(ctx, bucket, key, info.UploadID))
	}
	_, err = project.CommitUpload(ctx, bucket, key, info.UploadID, nil)
	return err
}

// CopyTreeUp stores every file under dir below prefix, which is empty or ends with '/', so many at a time.
func CopyTreeUp(ctx context.Context, project *uplink.Project, dir, bucket, prefix string, transfers int) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		group.Go(func() error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			return Upload(groupCtx, project, bucket, prefix+filepath.ToSlash(relative), file, UploadOptions{})
		})
		return groupCtx.Err()
	})
	return errors.Join(err, group.Wait())
}

// CopyTreeDown fetches every object below prefix into dir, so many at a time; as the command-line client, it lists
// them all first.
func CopyTreeDown(ctx context.Context, project *uplink.Project, bucket, prefix, dir string, transfers int) error {
	entries, err := List(ctx, project, bucket, prefix, true, 0)
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for _, entry := range entries {
		if !filepath.IsLocal(entry.Key) || strings.HasSuffix(entry.Key, "/") {
			continue
		}
		group.Go(func() error {
			path := filepath.Join(dir, filepath.FromSlash(entry.Key))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			file, err := os.Create(path)
			if err != nil {
				return err
			}
			return errors.Join(Download(groupCtx, project, bucket, prefix+entry.Key, 0, -1, file), file.Close())
		})
	}
	return group.Wait()
}
