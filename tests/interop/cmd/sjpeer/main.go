// Command sjpeer moves files with the network's published client library.  It is what scripts/bench measures sjcp
// against.  The grant is taken from SJCP_ACCESS.
//
//	sjpeer [OPTIONS] put FILE sj://BUCKET/KEY        sjpeer [OPTIONS] put-tree DIR sj://BUCKET/PREFIX/
//	sjpeer [OPTIONS] get sj://BUCKET/KEY FILE        sjpeer [OPTIONS] get-tree sj://BUCKET/PREFIX/ DIR
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"storj.io/uplink"

	"sjcp/tests/interop/peer"
)

type options struct {
	scheme      string
	parallelism int
	chunk       int64
	transfers   int
}

func main() {
	var o options
	flag.StringVar(&o.scheme, "scheme", "library",
		"library: one stream up, all parts opened at once down; uplink: the parts of uplink cp -p")
	flag.IntVar(&o.parallelism, "p", 1, "parts at a time")
	flag.Int64Var(&o.chunk, "chunk", 0, "bytes of a part; 0: as uplink cp chooses")
	flag.IntVar(&o.transfers, "t", 1, "files of a tree at a time")
	flag.Parse()
	if err := run(context.Background(), o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "sjpeer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, arguments []string) error {
	if len(arguments) != 3 {
		return errors.New("usage: sjpeer [OPTIONS] put|get|put-tree|get-tree FROM TO")
	}
	command, from, to := arguments[0], arguments[1], arguments[2]
	project, err := o.open(ctx)
	if err != nil {
		return err
	}
	switch command {
	case "put":
		err = o.put(ctx, project, from, to)
	case "get":
		err = o.get(ctx, project, from, to)
	case "put-tree":
		err = at(to, func(bucket, prefix string) error {
			return peer.CopyTreeUp(ctx, project, from, bucket, prefix, o.transfers)
		})
	case "get-tree":
		err = at(from, func(bucket, prefix string) error {
			return peer.CopyTreeDown(ctx, project, bucket, prefix, to, o.transfers)
		})
	default:
		err = fmt.Errorf("unknown command %q", command)
	}
	return errors.Join(err, project.Close())
}

func (o options) open(ctx context.Context) (*uplink.Project, error) {
	grant := os.Getenv("SJCP_ACCESS")
	switch o.scheme {
	case "library":
		return peer.Open(ctx, grant)
	case "uplink":
		return peer.OpenLikeUplink(ctx, grant, o.parallelism, o.transfers)
	default:
		return nil, fmt.Errorf("unknown scheme %q (known: library uplink)", o.scheme)
	}
}

func (o options) put(ctx context.Context, project *uplink.Project, path, location string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	err = at(location, func(bucket, key string) error {
		if o.scheme == "library" {
			return peer.Upload(ctx, project, bucket, key, file, peer.UploadOptions{})
		}
		info, err := file.Stat()
		if err != nil {
			return err
		}
		return peer.CopyUp(ctx, project, bucket, key, o.parallelism, o.chunk, file, info.Size())
	})
	return errors.Join(err, file.Close())
}

func (o options) get(ctx context.Context, project *uplink.Project, location, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	err = at(location, func(bucket, key string) error {
		if o.scheme == "library" {
			return peer.DownloadParallel(ctx, project, bucket, key, o.parallelism, file)
		}
		return peer.CopyDown(ctx, project, bucket, key, o.parallelism, o.chunk, file)
	})
	return errors.Join(err, file.Close())
}

// at calls what with the two halves of sj://BUCKET/KEY.
func at(location string, what func(bucket, key string) error) error {
	bucket, key, found := strings.Cut(strings.TrimPrefix(location, "sj://"), "/")
	if !found || !strings.HasPrefix(location, "sj://") {
		return fmt.Errorf("not sj://BUCKET/KEY: %q", location)
	}
	return what(bucket, key)
}
