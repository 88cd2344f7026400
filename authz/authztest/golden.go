package authztest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
)

// updateEnv names the environment variable that makes Golden write its files.
// It is not a flag, because a flag that the test's own package also has panics.
const updateEnv = "UPDATE_GOLDEN"

// Golden compares the routes of mux with a file. The file has one line for each
// route, with pattern, rule, and the roles that are able to pass:
//
//	GET /documents/{id} | object document:read | admin (all), user (own)
//
// A difference fails the test, which shows the lines that differ. If the change
// is intended, run the test with UPDATE_GOLDEN=1 in the environment. Golden
// then writes the file, and the review shows the change of access. Golden makes
// missing folders.
func Golden(t testing.TB, mux *authz.Mux, file string) {
	t.Helper()
	compare(t, "route table", Routes(mux), "the routes differ from", file)
}

// compare compares the lines of a table with a file, or writes the file.
func compare(t testing.TB, table, got, differ, file string) {
	t.Helper()
	if os.Getenv(updateEnv) != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatalf("make the folder of the golden %s: %v", table, err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatalf("write the golden %s: %v", table, err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("read the golden %s: %v\nrun the test with %s=1 in the environment to write it", table, err, updateEnv)
		return
	}
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); text != got {
		t.Errorf("%s %s (- file, + now):\n%sif the change is intended, run the test with %s=1 in the environment", differ, file, difference(text, got), updateEnv)
	}
}

// difference lists the lines that only one of the two has. Both are sorted by
// route, and no line is there twice.
func difference(want, got string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, lines, other string }{{"- ", want, got}, {"+ ", got, want}} {
		other := map[string]bool{}
		for line := range strings.Lines(side.other) {
			other[line] = true
		}
		for line := range strings.Lines(side.lines) {
			if !other[line] {
				b.WriteString(side.sign + strings.TrimSuffix(line, "\n") + "\n")
			}
		}
	}
	return b.String()
}
