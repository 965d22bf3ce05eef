package main

import (
	"crypto/sha1" //nolint:gosec // what Git names its blobs with
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
)

// hubCommit is the only one that the hub has.
const hubCommit = "5d1ac0ffee5d1ac0ffee5d1ac0ffee5d1ac0ffee"

// hubFile is a file of the repository as the hub tells of it.  Large ones are elsewhere, behind a redirect.
type hubFile struct {
	Path   string
	Size   int64
	Sha256 string // of a large file; "" is a small one
	Local  string // where a small one is
}

func (f hubFile) large() bool { return f.Sha256 != "" }

// hub speaks as much of the Hugging Face hub's interface as a download needs.
type hub struct {
	repo    string // NAMESPACE/NAME
	storage string // URL below which large files have their SHA-256 for a name
	files   []hubFile
}

// serveHub is what `sjbench hub ADDRESS REPO STORAGE LIST` does: it serves until it is ended, and prints a line when it does.
func serveHub(arguments []string) error {
	if len(arguments) != 4 {
		return errors.New("usage: sjbench hub ADDRESS REPO STORAGE LIST")
	}
	h := hub{repo: arguments[1], storage: arguments[2]}
	list, err := os.ReadFile(arguments[3])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(list, &h.files); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", arguments[0])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return http.Serve(listener, h) //nolint:gosec // nobody else reaches it
}

func (h hub) ServeHTTP(out http.ResponseWriter, request *http.Request) {
	at := request.URL.Path
	api := "/api/models/" + h.repo
	switch {
	case at == api, strings.HasPrefix(at, api+"/revision/"):
		h.tellRevision(out)
	case strings.HasPrefix(at, api+"/tree/"):
		h.tellTree(out)
	default:
		_, file, found := strings.Cut(strings.TrimPrefix(at, "/"+h.repo+"/resolve/"), "/")
		for _, f := range h.files {
			if found && f.Path == file {
				h.resolve(out, request, f)
				return
			}
		}
		out.Header().Set("X-Error-Code", "EntryNotFound")
		http.Error(out, "not here", http.StatusNotFound)
	}
}

func (h hub) tellRevision(out http.ResponseWriter) {
	type sibling struct {
		Name string `json:"rfilename"`
	}
	var siblings []sibling
	for _, f := range h.files {
		siblings = append(siblings, sibling{f.Path})
	}
	answer(out, map[string]any{"id": h.repo, "modelId": h.repo, "sha": hubCommit, "private": false, "gated": false,
		"tags": []string{}, "siblings": siblings})
}

func (h hub) tellTree(out http.ResponseWriter) {
	entries := []map[string]any{}
	for _, f := range h.files {
		entry := map[string]any{"type": "file", "path": f.Path, "size": f.Size, "oid": f.oid()}
		if f.large() {
			entry["lfs"] = map[string]any{"oid": f.Sha256, "size": f.Size, "pointerSize": len(f.pointer())}
		}
		entries = append(entries, entry)
	}
	answer(out, entries)
}

func (h hub) resolve(out http.ResponseWriter, request *http.Request, f hubFile) {
	header := out.Header()
	header.Set("X-Repo-Commit", hubCommit)
	header.Set("ETag", `"`+f.oid()+`"`)
	if !f.large() {
		header.Set("Content-Type", "text/plain")
		http.ServeFile(out, request, f.Local)
		return
	}
	header.Set("X-Linked-ETag", `"`+f.Sha256+`"`)
	header.Set("X-Linked-Size", formatInt(f.Size))
	http.Redirect(out, request, h.storage+"/"+path.Base(f.Sha256), http.StatusFound)
}

// oid is the name of the blob that Git has: of a large file that of its pointer.
func (f hubFile) oid() string {
	content := []byte(f.pointer())
	if !f.large() {
		content, _ = os.ReadFile(f.Local)
	}
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(content)), content...)) //nolint:gosec // as Git does
	return hex.EncodeToString(sum[:])
}

func (f hubFile) pointer() string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", f.Sha256, f.Size)
}

func answer(out http.ResponseWriter, value any) {
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(value)
}
