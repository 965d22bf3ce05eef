// Package interop tests sjcp together with the network's published client library: on sjnet by default, on any
// satellite with SJCP_TEST_ACCESS.  See README.md.
package interop

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"storj.io/uplink"

	"sjcp/tests/interop/peer"
)

// What all tests share; set up once by TestMain.
var (
	sjcpBinary  string          // path of sjcp
	sjnetBinary string          // path of sjnet; empty against a live satellite
	fullGrant   string          // a grant with all permissions
	project     *uplink.Project // the project of fullGrant, for the library's side
	bucket      string          // the one bucket of this run, removed at its end
)

func live() bool { return sjnetBinary == "" }

func TestMain(m *testing.M) {
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		code = 1
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (code int, err error) {
	sjcpBinary = os.Getenv("SJCP_BINARY")
	if sjcpBinary == "" {
		return 0, fmt.Errorf("SJCP_BINARY is not set; tests/interop/run sets it")
	}
	fullGrant = os.Getenv("SJCP_TEST_ACCESS")
	if fullGrant == "" {
		sjnetBinary = os.Getenv("SJNET_BINARY")
		network, err := startNetwork("--nodes", "10", "--rs", "4/6/8/10")
		if err != nil {
			return 0, err
		}
		defer func() {
			if stopErr := network.stop(); err == nil {
				err = stopErr
			}
		}()
		fullGrant = network.grant
	}

	ctx := context.Background()
	project, err = peer.Open(ctx, fullGrant)
	if err != nil {
		return 0, err
	}
	defer func() { _ = project.Close() }()

	bucket = uniqueBucket()
	if _, err := project.CreateBucket(ctx, bucket); err != nil {
		return 0, err
	}
	defer func() {
		if _, removeErr := project.DeleteBucketWithObjects(ctx, bucket); removeErr != nil && err == nil {
			err = fmt.Errorf("could not remove bucket %s: %w", bucket, removeErr)
		}
	}()
	return m.Run(), nil
}

func uniqueBucket() string {
	var suffix [6]byte
	_, _ = rand.Read(suffix[:])
	return "sjcp-interop-" + hex.EncodeToString(suffix[:])
}

// network is a running sjnet.
type network struct {
	grant  string
	folder string
	server *exec.Cmd
}

// startNetwork starts sjnet and returns once it serves.
func startNetwork(arguments ...string) (*network, error) {
	folder, err := os.MkdirTemp("", "sjcp-interop-")
	if err != nil {
		return nil, err
	}
	grantFile := filepath.Join(folder, "grant")
	server := exec.Command(sjnetBinary, append(arguments, "--access-file", grantFile)...)
	server.Stderr = os.Stderr
	// If this process dies, so does the network.
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("starting sjnet: %w", err)
	}
	network := &network{folder: folder, server: server}
	// The line that describes the network says that it is ready.
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		_ = network.stop()
		return nil, fmt.Errorf("sjnet ended before it was ready: %w", err)
	}
	grant, err := os.ReadFile(grantFile)
	if err != nil {
		_ = network.stop()
		return nil, err
	}
	network.grant = strings.TrimSpace(string(grant))
	return network, nil
}

// stop asks sjnet to leave, which it must do cleanly.
func (network *network) stop() error {
	_ = network.server.Process.Signal(syscall.SIGTERM)
	killer := time.AfterFunc(10*time.Second, func() { _ = network.server.Process.Kill() })
	err := network.server.Wait()
	killer.Stop()
	_ = os.RemoveAll(network.folder)
	if err != nil {
		return fmt.Errorf("sjnet did not leave cleanly: %w", err)
	}
	return nil
}
