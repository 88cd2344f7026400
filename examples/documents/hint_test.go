package main_test

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The lines that the program shows are pasted into a shell as they are, one
// after the other.
func TestCaseEx14HintsCanBePasted(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	for name, args := range map[string][]string{"http": nil, "https": {"-tls"}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, args...)
			var lines []string
			for _, line := range p.stdout {
				if strings.HasPrefix(line, "  ") && strings.Contains(line, "curl") {
					lines = append(lines, strings.TrimSpace(line))
				}
			}
			if len(lines) != 3 || strings.Contains(strings.Join(lines, ""), "…") {
				t.Fatalf("lines to paste: %q", lines)
			}
			shell := exec.Command("sh", "-u") // a variable from nowhere is an error
			shell.Stdin = strings.NewReader(strings.Join(lines, "\necho\n") + "\n")
			out, err := shell.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var answers []map[string]any
			for line := range strings.Lines(string(out)) {
				var answer map[string]any
				if json.Unmarshal([]byte(line), &answer) == nil {
					answers = append(answers, answer)
				}
			}
			if len(answers) != 2 || answers[0]["title"] != "Hello" || answers[0]["owner_id"] == nil {
				t.Fatalf("the document: %s", out)
			}
			if items, ok := answers[1]["items"].([]any); !ok || len(items) != 0 {
				t.Errorf("the list of the key: %v", answers[1])
			}
			if hints := strings.Join(p.stdout, "\n"); !regexp.MustCompile(`a key is a caller of its own.*not those of alice`).MatchString(hints) {
				t.Errorf("nothing says whose documents the key lists:\n%s", hints)
			}
		})
	}
}
