package pagetest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// spy is a test that fails without an end of the real test.
type spy struct {
	testing.TB
	said []string
}

func (s *spy) Helper() {}

func (s *spy) Errorf(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *spy) Fatal(args ...any) {
	s.said = append(s.said, fmt.Sprint(args...))
	runtime.Goexit()
}

func (s *spy) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

// run returns what f reports.
func run(f func(testing.TB)) []string {
	s := &spy{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(s)
	}()
	<-done
	return s.said
}

const page = "# Page\n\n```go\nfunc f() {\n\tg()\n}\n```\n\n1. A list:\n\n   ```sh\n   run\n   ```\n\n```\nplain\n```\n\nWords with ```go in them.\n"

// write puts files into a new folder, which it returns.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestBlocks(t *testing.T) {
	name := filepath.Join(write(t, map[string]string{"page.md": page}), "page.md")
	program := pagetest.Block{Language: "go", Text: "func f() {\n\tg()\n}\n"}
	command := pagetest.Block{Language: "sh", Text: "   run\n"}
	plain := pagetest.Block{Text: "plain\n"}
	for _, test := range []struct {
		languages []string
		want      []pagetest.Block
	}{
		{nil, []pagetest.Block{program, command, plain}},
		{[]string{"go"}, []pagetest.Block{program}},
		{[]string{"sh", "go"}, []pagetest.Block{program, command}},
		{[]string{""}, []pagetest.Block{plain}},
		{[]string{"js"}, nil},
	} {
		if got := pagetest.Blocks(t, name, test.languages...); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.languages, got, test.want)
		}
	}
}

func TestHasBlocks(t *testing.T) {
	const program = "package p\n\n\t\tfunc f() {\n\t\t\tg()\n\t\t}\n"
	const rest = "const want = `\nrun\nplain\n`\n"
	for _, test := range []struct {
		name      string
		files     map[string]string
		least     int
		languages []string
		want      []string // the beginning of each report
	}{
		{"all", map[string]string{"a.go": program, "b.go": rest}, 3, nil, nil},
		{"too_few", map[string]string{"a.go": program, "b.go": rest}, 4, nil, []string{"page.md: 3 blocks found, want at least 4"}},
		{"not_run", map[string]string{"a.go": program}, 3, nil, []string{"page.md: nothing here runs this block:\n   run\n", "page.md: nothing here runs this block:\nplain\n"}},
		{"of_a_language", map[string]string{"a.go": program}, 1, []string{"go"}, nil},
		{"a_line_more", map[string]string{"a.go": strings.Replace(program, "g()", "g()\nh()", 1)}, 1, []string{"go"}, []string{"page.md: nothing here runs this block:\nfunc f() {"}},
		{"a_line_that_goes_on", map[string]string{"a.go": strings.Replace(program, "g()", "g() // soon", 1)}, 1, []string{"go"}, []string{"page.md: nothing here runs this block:\nfunc f() {"}},
		{"no_code", nil, 0, nil, []string{"there is no file *.go"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(write(t, map[string]string{"page.md": page}))
			for name, text := range test.files {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			said := run(func(tb testing.TB) { pagetest.Read(tb, "*.go").HasBlocks(tb, "page.md", test.least, test.languages...) })
			if !slices.EqualFunc(said, test.want, strings.HasPrefix) {
				t.Errorf("reported %q, want %q", said, test.want)
			}
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	if said := run(func(tb testing.TB) { pagetest.Blocks(tb, "page.md") }); len(said) != 1 || !strings.Contains(said[0], "page.md") {
		t.Errorf("a page that is not there: %q", said)
	}
	if said := run(func(tb testing.TB) { pagetest.Read(tb, "[") }); len(said) != 1 {
		t.Errorf("a pattern that is not one: %q", said)
	}
}
