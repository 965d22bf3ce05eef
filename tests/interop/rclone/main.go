// Command rclone is rclone with the three backends that scripts/bench needs, so that it builds in a minute instead of ten:
// the code is rclone's own, at the version that go.mod pins.
package main

import (
	_ "github.com/rclone/rclone/backend/local"
	_ "github.com/rclone/rclone/backend/s3"
	_ "github.com/rclone/rclone/backend/storj"
	"github.com/rclone/rclone/cmd"
	_ "github.com/rclone/rclone/cmd/copy"
	_ "github.com/rclone/rclone/cmd/copyto"
	_ "github.com/rclone/rclone/cmd/version"
)

func main() { cmd.Main() }
