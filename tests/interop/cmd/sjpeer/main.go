// Command sjpeer moves files with the network's published client library.  It is what scripts/bench measures sjcp
// against.  The grant is taken from SJCP_ACCESS.
//
//	sjpeer [-p N] put FILE sj://BUCKET/KEY
//	sjpeer [-p N] get sj://BUCKET/KEY FILE
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

func main() {
	parallelism := flag.Int("p", 1, "segments to download at a time; uploads follow the library's own setting")
	flag.Parse()
	if err := run(context.Background(), *parallelism, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "sjpeer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, parallelism int, arguments []string) error {
	if len(arguments) != 3 {
		return errors.New("usage: sjpeer [-p N] put FILE sj://BUCKET/KEY | get sj://BUCKET/KEY FILE")
	}
	project, err := peer.Open(ctx, os.Getenv("SJCP_ACCESS"))
	if err != nil {
		return err
	}
	switch arguments[0] {
	case "put":
		err = put(ctx, project, arguments[1], arguments[2])
	case "get":
		err = get(ctx, project, parallelism, arguments[1], arguments[2])
	default:
		err = fmt.Errorf("unknown command %q", arguments[0])
	}
	return errors.Join(err, project.Close())
}

func put(ctx context.Context, project *uplink.Project, path, location string) error {
	bucket, key, err := split(location)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(peer.Upload(ctx, project, bucket, key, file, peer.UploadOptions{}), file.Close())
}

func get(ctx context.Context, project *uplink.Project, parallelism int, location, path string) error {
	bucket, key, err := split(location)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(peer.DownloadParallel(ctx, project, bucket, key, parallelism, file), file.Close())
}

func split(location string) (bucket, key string, err error) {
	bucket, key, found := strings.Cut(strings.TrimPrefix(location, "sj://"), "/")
	if !found || !strings.HasPrefix(location, "sj://") {
		return "", "", fmt.Errorf("not sj://BUCKET/KEY: %q", location)
	}
	return bucket, key, nil
}
