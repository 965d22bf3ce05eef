package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sjcp/tests/interop/peer"
)

const (
	smallFiles = 2000
	smallSize  = 4 << 10
)

// small moves a folder of many small files each way, 16 at a time.
type small struct {
	layout
	programs []string
}

func (t small) run(b *bench, _ scenario) (outcome, error) {
	want, err := makeTree(b.path("tree"))
	if err != nil {
		return outcome{}, err
	}
	s, err := b.open(t.layout)
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	result := outcome{Profile: t.profile, Nodes: t.nodes, Redundancy: t.rs, Bytes: smallFiles * smallSize}
	able, skipped, err := b.able(s, t.programs)
	if err != nil {
		return outcome{}, err
	}
	result.Skipped = skipped
	// Each run has a folder of its own, and all of them go at the end: a file system that has just removed
	// thousands of files is slow to make new ones.
	trees, err := os.MkdirTemp(b.folder, "trees-")
	if err != nil {
		return outcome{}, err
	}
	defer func() { _ = os.RemoveAll(trees) }()
	err = b.rounds(1, able, func(p program) error {
		if err := b.timeTree(s, p, jobPutTree, b.path("tree"), &result); err != nil {
			return err
		}
		if err := b.checkTree(s, p.name, trees, want); err != nil {
			return err
		}
		target, err := os.MkdirTemp(trees, "get-")
		if err != nil {
			return err
		}
		if err := b.timeTree(s, p, jobGetTree, target, &result); err != nil {
			return err
		}
		sum, err := treeSum(target)
		if err == nil && sum != want {
			err = errors.New("the folder that was downloaded differs")
		}
		return err
	})
	if err == nil && s.area != nil {
		err = s.area.noteTrust(&result)
	}
	result.finish()
	return result, err
}

func (b *bench) timeTree(s *site, p program, job, local string, result *outcome) error {
	c := p.command(b, s, job, "tree-"+p.name, local)
	if c == nil {
		return nil
	}
	taken, err := b.timer.time(b.ctx, s, c)
	if err == nil {
		result.add(p.name, job, taken)
	}
	return err
}

// checkTree reads back what a program uploaded, on the far side.
func (b *bench) checkTree(s *site, program, trees, want string) error {
	target, err := os.MkdirTemp(trees, "check-")
	if err != nil {
		return err
	}
	err = b.run(s, far, command{b.tool("sjcp"), "cp", "-r", "-t", "16", "--progress=none", remotePath("tree-" + program + "/"), target + "/"})
	if err != nil {
		return err
	}
	sum, err := treeSum(target)
	if err == nil && sum != want {
		err = fmt.Errorf("what %s uploaded differs", program)
	}
	return err
}

// makeTree writes the files, a hundred in each folder, and returns the tree's sum.
func makeTree(root string) (string, error) {
	content := peer.Content(2, smallFiles*smallSize)
	buffer := make([]byte, smallSize)
	for i := range smallFiles {
		folder := filepath.Join(root, fmt.Sprintf("%02d", i/100))
		if _, err := io.ReadFull(content, buffer); err != nil {
			return "", err
		}
		err := errors.Join(os.MkdirAll(folder, 0o755),
			os.WriteFile(filepath.Join(folder, fmt.Sprintf("file-%04d", i)), buffer, 0o644))
		if err != nil {
			return "", err
		}
	}
	return treeSum(root)
}

// treeSum is a hash of all names and contents below a folder.
func treeSum(root string) (string, error) {
	hash := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		_, _ = fmt.Fprintf(hash, "%s\n%x\n", relative, sha256.Sum256(content))
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)), err
}
