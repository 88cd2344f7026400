package conformance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	libinjection "github.com/corazawaf/libinjection-go"
)

var suspiciousFile = filepath.Join("..", "..", "docs", "suspicious-payloads.md")

const (
	beginTables = "<!-- The tables below are written by go test -run TestSuspiciousPayloads -update in internal/conformance. -->\n"
	endTables   = "<!-- End of the tables. -->\n"
)

// bounds are the rates that must hold, in percent, by corpus and family, in the
// order of places. Of an attack it is the least rate, and of harmless text the
// greatest.
var bounds = []struct {
	corpus, family string
	attack         bool
	percent        [4]float64
}{
	{"libinjection", "sqli", true, [4]float64{96, 96, 96, 96}},
	{"libinjection", "xss", true, [4]float64{100, 100, 100, 100}},
	{"CRS, by libinjection", "sqli", true, [4]float64{85, 85, 85, 85}},
	{"CRS, by libinjection", "xss", true, [4]float64{100, 100, 100, 100}},
	{"CRS", "sqli", true, [4]float64{18, 18, 18, 18}},
	{"CRS, levels 2 to 4", "sqli", true, [4]float64{11, 11, 11, 11}},
	{"CRS", "xss", true, [4]float64{38, 38, 38, 38}},
	{"CRS", "traversal", true, [4]float64{45, 45, 45, 45}},
	{"CRS", "crlf", true, [4]float64{0, 55, 55, 90}},
	{"CRS", "template", true, [4]float64{65, 90, 90, 90}},
	{"CRS", "nosql", true, [4]float64{85, 85, 85, 0}},

	{"libinjection", "sqli", false, [4]float64{4, 4, 4, 4}},
	{"libinjection", "xss", false, [4]float64{0, 0, 0, 0}},
	{"CRS, by libinjection", "sqli", false, [4]float64{0, 0, 0, 0}},
	{"CRS", "sqli", false, [4]float64{12, 12, 12, 12}},
	{"CRS, levels 2 to 4", "sqli", false, [4]float64{7, 7, 7, 7}},
	{"CRS", "xss", false, [4]float64{0, 0, 0, 0}},
	{"CRS", "traversal", false, [4]float64{0, 0, 0, 20}},
	{"CRS", "crlf", false, [4]float64{0, 50, 50, 50}},
}

// ordinaryBound is the greatest rate of ordinary lines and messages of one
// script that may be found in one place, in percent.
const ordinaryBound = 5

// noRule is the family of the attacks that no rule is for.
const noRule = "no rule"

// A key names a row of the tables.
type key struct {
	corpus, family string
	attack         bool
}

// A tally counts the payloads of a row in one place.
type tally struct{ sent, found, own, unsent int }

func (c tally) rate() float64 {
	if c.sent == 0 {
		return 0
	}
	return 100 * float64(c.found) / float64(c.sent)
}

// results are what became of all payloads.
type results struct {
	rows    map[key]map[place]*tally
	all     []result
	leftOut map[string]int
}

// A result is what became of one payload.
type result struct {
	payload
	rules  map[place][]string
	sent   int  // places
	engine bool // whether libinjection alone finds one of its strings
}

func measure(t testing.TB) *results {
	t.Helper()
	w := newWatcher(t)
	out := &results{rows: make(map[key]map[place]*tally), leftOut: make(map[string]int)}
	for _, c := range []corpus{injectionCorpus(t), crsCorpus(t), ordinaryCorpus(t), messageCorpus(t), codeCorpus(t)} {
		for why, n := range c.leftOut {
			out.leftOut[why] += n
		}
		for _, p := range c.payloads {
			out.add(w, t, p)
		}
	}
	return out
}

func (out *results) add(w *watcher, t testing.TB, p payload) {
	res := result{payload: p, rules: make(map[place][]string), engine: p.engine()}
	k := key{p.corpus, p.family, p.attack}
	if out.rows[k] == nil {
		out.rows[k] = make(map[place]*tally)
	}
	for _, at := range places {
		c := out.rows[k][at]
		if c == nil {
			c = &tally{}
			out.rows[k][at] = c
		}
		seen := w.send(t, p, at)
		if !seen.sent {
			c.unsent++
			continue
		}
		res.sent++
		c.sent++
		if len(seen.rules) == 0 {
			continue
		}
		c.found++
		if slices.Contains(seen.rules, p.family) {
			c.own++
		}
		res.rules[at] = seen.rules
	}
	out.all = append(out.all, res)
}

// engine reports whether libinjection finds one of the strings of p.
func (p payload) engine() bool {
	for _, s := range p.pairs {
		for _, text := range [...]string{s.name, s.value} {
			if found, _ := libinjection.IsSQLi(text); p.family != "xss" && found || p.family != "sqli" && libinjection.IsXSS(text) {
				return true
			}
		}
	}
	return false
}

// The page says what the code finds today, and the rates hold. A rule that finds
// less, or more of what people write, is a change that somebody has to look at.
func TestSuspiciousPayloads(t *testing.T) {
	out := measure(t)
	out.hold(t)
	old, err := os.ReadFile(suspiciousFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(old, []byte(beginTables))
	_, after, ok2 := bytes.Cut(rest, []byte(endTables))
	if !ok || !ok2 {
		t.Fatal("docs/suspicious-payloads.md has lost the marks around its tables")
	}
	got := slices.Concat(before, []byte(beginTables), out.tables(), []byte(endTables), after)
	if *update {
		if err := os.WriteFile(suspiciousFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if bytes.Equal(got, old) {
		return
	}
	ours, theirs := strings.Split(string(got), "\n"), strings.Split(string(old), "\n")
	for i := range ours {
		if i >= len(theirs) || ours[i] != theirs[i] {
			t.Fatalf("docs/suspicious-payloads.md is not what the code does; look at the difference, then run with -update. Line %d is now\n%s", i+1, ours[i])
		}
	}
	t.Fatal("docs/suspicious-payloads.md has more lines than it should")
}

// hold compares the rates with the bounds. Each row that is about a rule has
// one.
func (out *results) hold(t *testing.T) {
	held := make(map[key]bool)
	for _, b := range bounds {
		k := key{b.corpus, b.family, b.attack}
		held[k] = true
		if out.rows[k] == nil {
			t.Errorf("%v has no payloads", k)
			continue
		}
		for i, at := range places {
			rate := out.rows[k][at].rate()
			if b.attack && rate < b.percent[i] {
				t.Errorf("attacks of %s for %s: %.1f %% are found in the %s, want at least %v %%", b.corpus, b.family, rate, at, b.percent[i])
			}
			if !b.attack && rate > b.percent[i] {
				t.Errorf("harmless texts of %s for %s: %.1f %% are found in the %s, want at most %v %%", b.corpus, b.family, rate, at, b.percent[i])
			}
		}
	}
	for k, row := range out.rows {
		switch {
		case strings.HasPrefix(k.corpus, "ordinary"):
			for at, c := range row {
				if c.rate() > ordinaryBound {
					t.Errorf("%s in %s: %.1f %% are found in the %s, want at most %d %%", k.corpus, k.family, c.rate(), at, ordinaryBound)
				}
			}
		case k.family != noRule && k.corpus != "code" && !held[k]:
			t.Errorf("%v has no bound", k)
		}
	}
}
