// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree returns all files below dir with their content; links with what they name.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.Type().IsRegular():
			data, err := os.ReadFile(path)
			found[path] = "file " + string(data)
			return err
		case e.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			found[path] = "link " + to
			return err
		default:
			found[path] = e.Type().String()
			return nil
		}
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// strangers are things at a path that no recording has put there.
var strangers = map[string]func(path string) error{
	"a folder of files": func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(filepath.Join(path, "thesis.tex"), []byte("42"), 0o600))
	},
	"a folder of folders": func(path string) error { return os.MkdirAll(filepath.Join(path, "cpu.csv"), 0o755) },
	"a trace of another origin": func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(filepath.Join(path, "cpu.csv"), []byte("step,a\n0,1\n"), 0o600),
			os.WriteFile(filepath.Join(path, "trace.json"), []byte(`{"name":"azure","interval_seconds":300,"start_unix":1,"steps":1}`), 0o600))
	},
	"tables without a header": func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(filepath.Join(path, "memory.csv"), []byte("a,b\n"), 0o600))
	},
	"an empty header beside a table": func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(filepath.Join(path, "trace.json"), nil, 0o600),
			os.WriteFile(filepath.Join(path, "memory.csv"), []byte("a,b\n"), 0o600))
	},
	"a file": func(path string) error { return os.WriteFile(path, []byte("no line end"), 0o600) },
	"a link": func(path string) error {
		to := path + "-elsewhere"
		return errors.Join(os.Mkdir(to, 0o755), os.WriteFile(filepath.Join(to, "note"), []byte("1"), 0o600), os.Symlink(to, path))
	},
}

// Whatever else is where a recording would write, and whether one is there already: opening it fails and changes nothing.
func TestOpenLeavesWhatIsNotOursAlone(t *testing.T) {
	for _, where := range []string{"", ".old", ".partial", ".journal"} {
		for name, make := range strangers {
			for _, recorded := range []bool{false, true} {
				root := t.TempDir()
				dir := filepath.Join(root, "bundle")
				if recorded {
					r := open(t, dir)
					add(t, r, reading(1, pod("a", 1, 1, 1)))
					shut(t, r)
					if err := os.RemoveAll(dir + where); err != nil {
						t.Fatal(err)
					}
				}
				if err := make(dir + where); err != nil {
					t.Fatal(err)
				}
				before := tree(t, root)
				r, err := Open(dir, Options{Name: "test", Interval: 5 * time.Minute, Pod: byApp, Origin: "a test"})
				if err == nil {
					t.Errorf("%s at bundle%s, recorded before: %v: no error", name, where, recorded)
					_ = r.Close()
				}
				if diff := cmp.Diff(before, tree(t, root)); diff != "" {
					t.Errorf("%s at bundle%s, recorded before: %v: -before +after\n%s", name, where, recorded, diff)
				}
			}
		}
	}
}

// What comes while a recording runs stays as well; the journal keeps what was recorded.
func TestFlushLeavesWhatIsNotOursAlone(t *testing.T) {
	for _, where := range []string{"", ".old", ".partial"} {
		for name, make := range strangers {
			root := t.TempDir()
			dir := filepath.Join(root, "bundle")
			r := open(t, dir)
			add(t, r, reading(1, pod("a", 1, 1, 1)), reading(11, pod("a", 11, 1, 1)))
			if err := make(dir + where); err != nil {
				t.Fatal(err)
			}
			before := tree(t, root)
			if err := r.Flush(); err == nil {
				t.Errorf("%s at bundle%s: no error", name, where)
			}
			if diff := cmp.Diff(before, tree(t, root)); diff != "" {
				t.Errorf("%s at bundle%s: -before +after\n%s", name, where, diff)
			}
			if err := errors.Join(os.RemoveAll(dir+where), r.Close()); err != nil {
				t.Errorf("%s at bundle%s: when it is gone: %v", name, where, err)
			}
		}
	}
}

// An empty folder is taken, and a folder's name may end with a slash.
func TestOpenTakesAnEmptyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir+"/")
	add(t, r, reading(1, pod("a", 1, 1, 1)))
	shut(t, r)
	if got := content(t, dir, "cpu.csv"); got != "step,ns/a\n0,500\n" {
		t.Errorf("%q", got)
	}
}

// A process may die anywhere between the first byte of a bundle's header and the last file of it, and anywhere in removing one.
func TestAHalfMadeBundleIsOurs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r := open(t, dir)
	add(t, r, reading(1, pod("a", 1, 1, 1)))
	shut(t, r)
	header := content(t, dir, "trace.json")
	for cut := 0; cut <= len(header); cut++ {
		partial := dir + ".partial"
		if err := errors.Join(os.Mkdir(partial, 0o755), os.WriteFile(filepath.Join(partial, "trace.json"), []byte(header[:cut]), 0o600)); err != nil {
			t.Fatal(err)
		}
		if cut == len(header) {
			if err := os.WriteFile(filepath.Join(partial, "cpu.csv"), []byte("st"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		shut(t, open(t, dir))
		if _, err := os.Stat(partial); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("cut at %d: the partial bundle is left, %v", cut, err)
		}
	}
}
