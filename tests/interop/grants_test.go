package interop

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"storj.io/common/grant"
	"storj.io/common/macaroon"
	"storj.io/uplink"

	"sjcp/tests/interop/peer"
)

// Exit codes of sjcp that the tests name.
const (
	exitNotFound    = 3
	exitDenied      = 4
	exitInterrupted = 130
)

// may says what sjcp can do with a grant to objects under shared/.
type may struct{ read, write, list, remove bool }

func TestSjcpMayDoWithARestrictedGrantWhatItAllowsAndNoMore(t *testing.T) {
	everything := uplink.FullPermission()
	expired, early := everything, everything
	expired.NotAfter = time.Now().Add(-time.Hour)
	early.NotBefore = time.Now().Add(time.Hour)
	current := uplink.ReadOnlyPermission()
	current.NotBefore, current.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)

	for name, test := range map[string]struct {
		permission uplink.Permission
		prefixes   []string
		may        may
	}{
		"read-only":             {uplink.ReadOnlyPermission(), []string{"shared/"}, may{read: true, list: true}},
		"write-only":            {uplink.WriteOnlyPermission(), []string{"shared/"}, may{write: true, remove: true}},
		"everything":            {everything, []string{"shared/"}, may{true, true, true, true}},
		"list only":             {uplink.Permission{AllowList: true}, []string{"shared/"}, may{list: true}},
		"whole bucket":          {uplink.ReadOnlyPermission(), []string{""}, may{read: true, list: true}},
		"the second prefix":     {everything, []string{"elsewhere/", "shared/"}, may{true, true, true, true}},
		"another prefix":        {everything, []string{"elsewhere/"}, may{}},
		"half a component":      {everything, []string{"sha"}, may{}},
		"expired":               {expired, []string{"shared/"}, may{}},
		"not yet valid":         {early, []string{"shared/"}, may{}},
		"valid for these hours": {current, []string{"shared/"}, may{read: true, list: true}},
	} {
		t.Run(name, func(t *testing.T) {
			// A key of its own: satellites limit how often one may be written.
			object := "shared/" + strings.ReplaceAll(name, " ", "-")
			putContent(t, object, 20, 5000)
			cleanup(t, object)
			restricted, err := peer.Share(fullGrant, test.permission, bucket, test.prefixes...)
			check(t, err)
			expect := func(allowed bool, arguments ...string) {
				t.Helper()
				result := sjcp.run(t, restricted, arguments...)
				if allowed && result.code != 0 {
					t.Errorf("%q: exit code %d\n%s", arguments, result.code, result.stderr)
				}
				if !allowed && result.code != exitDenied {
					t.Errorf("%q: exit code %d where it is not permitted\n%s", arguments, result.code, result.stderr)
				}
				if strings.Contains(result.stdout+result.stderr, restricted) {
					t.Errorf("%q prints the grant", arguments)
				}
			}
			target := filepath.Join(t.TempDir(), "target")
			expect(test.may.read, "cp", url(object), target)
			expect(test.may.list, "ls", url("shared/"))
			expect(test.may.write, "cp", contentFile(t, 21, 5000), url(object))
			expect(test.may.remove, "rm", url(object))
			if test.may.read && fileSum(t, target) != contentSum(t, 20, 5000) {
				t.Error("other bytes")
			}
		})
	}
}

// caveats returns the restrictions of a grant, without the nonces that tell equal ones apart.
func caveats(t *testing.T, serialized string) []macaroon.Caveat {
	t.Helper()
	access, err := grant.ParseAccess(serialized)
	check(t, err)
	parsed, err := macaroon.ParseMacaroon(access.APIKey.SerializeRaw())
	check(t, err)
	var found []macaroon.Caveat
	for _, data := range parsed.Caveats() {
		caveat, err := macaroon.ParseCaveat(data)
		check(t, err)
		if len(caveat.Nonce) != 4 {
			t.Errorf("a nonce of %d bytes", len(caveat.Nonce))
		}
		caveat.Nonce = nil
		found = append(found, *caveat)
	}
	return found
}

func TestGrantsSharedBySjcpRestrictAsTheLibrarysDo(t *testing.T) {
	until := time.Now().Add(24 * time.Hour).Truncate(time.Second).UTC()
	untilThen := uplink.ReadOnlyPermission()
	untilThen.NotAfter = until
	for name, test := range map[string]struct {
		flags      []string
		permission uplink.Permission
	}{
		"default":    {nil, uplink.ReadOnlyPermission()},
		"write-only": {[]string{"--readonly=false", "--writeonly"}, uplink.WriteOnlyPermission()},
		"until":      {[]string{"--not-after", until.Format(time.RFC3339)}, untilThen},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "shared-grant")
			arguments := append([]string{"share"}, test.flags...)
			sjcp.must(t, fullGrant, append(arguments, "--export-to", file, url("shared/"), url("other/"))...)
			exported, err := os.ReadFile(file)
			check(t, err)
			got := strings.TrimSpace(string(exported))
			want, err := peer.Share(fullGrant, test.permission, bucket, "shared/", "other/")
			check(t, err)
			if !reflect.DeepEqual(caveats(t, got), caveats(t, want)) {
				t.Errorf("caveats\n sjcp    %+v\n library %+v", caveats(t, got), caveats(t, want))
			}

			// The library reads and writes with it what the permission says.
			// A key of its own: satellites limit how often one may be written.
			object := "shared/" + strings.ReplaceAll(name, " ", "-")
			putContent(t, object, 22, 5000)
			cleanup(t, object)
			if test.permission.AllowDownload && library.get(t, got, object, 0, -1) != contentSum(t, 22, 5000) {
				t.Error("other bytes")
			}
			err = library.with(t, got, func(project *uplink.Project) error {
				return peer.Upload(t.Context(), project, bucket, object, peer.Content(22, 5000), peer.UploadOptions{})
			})
			if test.permission.AllowUpload && err != nil || !test.permission.AllowUpload && !errors.Is(err, uplink.ErrPermissionDenied) {
				t.Errorf("uploading: %v", err)
			}
		})
	}
}

func TestInterruptedUploadLeavesWhatWasThere(t *testing.T) {
	putContent(t, "interrupted", 23, 1000)
	cleanup(t, "interrupted")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, sjcpBinary, "cp", "--progress=false", "-", url("interrupted"))
	prepare(t, command, fullGrant)
	input, err := command.StdinPipe()
	check(t, err)
	check(t, command.Start())
	// More than a segment was taken, so the upload has begun; the input stays open.
	_, err = io.Copy(input, peer.Content(24, segment+8*mib))
	check(t, err)
	check(t, command.Process.Signal(os.Interrupt))
	_ = command.Wait()
	if code := command.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if library.get(t, fullGrant, "interrupted", 0, -1) != contentSum(t, 23, 1000) {
		t.Error("other bytes than before")
	}
	pending, err := peer.Pending(t.Context(), project, bucket)
	check(t, err)
	if len(pending) != 0 {
		t.Errorf("left pending: %q", pending)
	}
}
