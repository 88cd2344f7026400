package authz_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// matchesGolden compares a text with a file in testdata. With UPDATE_GOLDEN=1
// in the environment it writes the file.
func matchesGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run the test with UPDATE_GOLDEN=1 in the environment to write it", err)
	}
	want := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	lines := strings.Split(got, "\n")
	for i := range max(len(want), len(lines)) {
		before, after := "(the end)", "(the end)"
		if i < len(want) {
			before = want[i]
		}
		if i < len(lines) {
			after = lines[i]
		}
		if before != after {
			t.Fatalf("line %d of %s differs:\n- %s\n+ %s\nif the change is intended, run the test with UPDATE_GOLDEN=1 in the environment", i+1, file, before, after)
		}
	}
}
