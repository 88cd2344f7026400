package conformance_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

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

// tables renders all tables.
func (out *results) tables() []byte {
	var doc bytes.Buffer
	doc.WriteString("\n### Attacks\n\n")
	out.rates(&doc, true, func(k key) bool { return k.family != noRule })
	doc.WriteString("\n### Harmless cases of the same corpora\n\n")
	out.rates(&doc, false, func(k key) bool {
		return k.family != noRule && !strings.HasPrefix(k.corpus, "ordinary") && k.corpus != "code"
	})
	out.alone(&doc)
	out.ordinary(&doc)
	doc.WriteString("\n### Code\n\n")
	out.rates(&doc, false, func(k key) bool { return k.corpus == "code" })
	doc.WriteString("\n")
	out.lines(&doc, func(r result) bool { return r.corpus == "code" && len(r.rules) > 0 })
	doc.WriteString("\n### Attacks that no rule is for\n\n")
	out.rates(&doc, true, func(k key) bool { return k.family == noRule })
	out.missed(&doc)
	doc.WriteString("\n### Cases that are left out\n\n")
	row(&doc, "corpus", "reason", "cases")
	doc.WriteString("|---|---|---:|\n")
	for _, why := range slices.Sorted(maps.Keys(out.leftOut)) {
		from, reason, _ := strings.Cut(why, "\x00")
		row(&doc, from, reason, fmt.Sprint(out.leftOut[why]))
	}
	return doc.Bytes()
}

// order returns the rows in the order of bounds. Others follow by name.
func (out *results) order(attack bool, wanted func(key) bool) (keys []key) {
	for k := range out.rows {
		if k.attack == attack && wanted(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(indexOf(a), indexOf(b)), strings.Compare(a.corpus, b.corpus), strings.Compare(a.family, b.family))
	})
	return keys
}

// indexOf is the place of a row in bounds.
func indexOf(k key) int {
	for i, b := range bounds {
		if k == (key{b.corpus, b.family, b.attack}) {
			return i
		}
	}
	return len(bounds)
}

// rates writes one row for each corpus, family and place.
func (out *results) rates(doc *bytes.Buffer, attack bool, wanted func(key) bool) {
	if attack {
		row(doc, "rule", "corpus", "place", "texts", "found", "missed", "found by another rule", "cannot be sent", "rate of misses", "rate found", "least")
		doc.WriteString("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	} else {
		row(doc, "rule", "corpus", "place", "texts", "found", "cannot be sent", "rate found", "greatest")
		doc.WriteString("|---|---|---|---:|---:|---:|---:|---:|\n")
	}
	for _, k := range out.order(attack, wanted) {
		for i, at := range places {
			c := out.rows[k][at]
			if attack {
				row(doc, k.family, k.corpus, string(at), fmt.Sprint(c.sent), fmt.Sprint(c.found), fmt.Sprint(c.sent-c.found), fmt.Sprint(c.found-c.own),
					fmt.Sprint(c.unsent), percent(100-c.rate()), percent(c.rate()), boundOf(k, i))
				continue
			}
			row(doc, k.family, k.corpus, string(at), fmt.Sprint(c.sent), fmt.Sprint(c.found), fmt.Sprint(c.unsent), percent(c.rate()), boundOf(k, i))
		}
	}
}

func boundOf(k key, i int) string {
	if at := indexOf(k); at < len(bounds) {
		return fmt.Sprintf("%v %%", bounds[at].percent[i])
	}
	return "–"
}

func percent(rate float64) string { return fmt.Sprintf("%.1f %%", rate) }

// ordinary writes what is found of the texts that people write, by script.
func (out *results) ordinary(doc *bytes.Buffer) {
	for _, part := range []struct{ title, corpus string }{{"Ordinary lines, by script", "ordinary text"}, {"Ordinary messages, by script", "ordinary messages"}} {
		fmt.Fprintf(doc, "\n### %s\n\n", part.title)
		row(doc, "script", "texts", "found in body", "form", "query", "path", "rate in body", "form", "query", "path")
		doc.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
		var sum [4]tally
		line := func(name string, counts [4]tally) {
			cells := []string{fmt.Sprint(counts[0].sent)}
			for _, c := range counts {
				cells = append(cells, found(c))
			}
			for _, c := range counts {
				if c.sent == 0 {
					cells = append(cells, "–")
					continue
				}
				cells = append(cells, percent(c.rate()))
			}
			row(doc, name, cells...)
		}
		keys := out.order(false, func(k key) bool { return k.corpus == part.corpus })
		for _, k := range keys {
			var counts [4]tally
			for i, at := range places {
				counts[i] = *out.rows[k][at]
				sum[i].sent += counts[i].sent
				sum[i].found += counts[i].found
			}
			line(k.family, counts)
		}
		line("all", sum)
	}
	doc.WriteString("\n### The ordinary lines that are found\n\n")
	out.lines(doc, func(r result) bool { return r.corpus == "ordinary text" && len(r.rules) > 0 })
	doc.WriteString("\nThe messages that are found, by rule and place:\n\n")
	row(doc, "rule", "body", "form", "query")
	doc.WriteString("|---|---:|---:|---:|\n")
	counts := make(map[string][4]int)
	for _, r := range out.all {
		if r.corpus != "ordinary messages" {
			continue
		}
		for i, at := range places {
			for _, rule := range r.rules[at] {
				n := counts[rule]
				n[i]++
				counts[rule] = n
			}
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(counts)) {
		row(doc, rule, fmt.Sprint(counts[rule][0]), fmt.Sprint(counts[rule][1]), fmt.Sprint(counts[rule][2]))
	}
}

// alone compares the layer with libinjection on the same strings.
func (out *results) alone(doc *bytes.Buffer) {
	doc.WriteString("\n### libinjection alone, and the layer\n\n")
	row(doc, "corpus", "texts", "libinjection alone finds", "the layer finds, in a body", "form", "query")
	doc.WriteString("|---|---:|---:|---:|---:|---:|\n")
	type count struct{ texts, alone, body, form, query int }
	counts := make(map[string]*count)
	for _, r := range out.all {
		name := r.corpus
		switch {
		case r.family == "sqli" || r.family == "xss":
			name = map[bool]string{true: "attacks", false: "harmless"}[r.attack] + ", " + r.family + ": " + r.corpus
		case r.attack || strings.HasPrefix(r.corpus, "CRS"):
			continue
		}
		c := counts[name]
		if c == nil {
			c = &count{}
			counts[name] = c
		}
		c.texts++
		c.alone += one(r.engine)
		c.body += one(r.rules[inBody] != nil)
		c.form += one(r.rules[inForm] != nil)
		c.query += one(r.rules[inQuery] != nil)
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		c := counts[name]
		row(doc, name, fmt.Sprint(c.texts), fmt.Sprint(c.alone), fmt.Sprint(c.body), fmt.Sprint(c.form), fmt.Sprint(c.query))
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func found(c tally) string {
	if c.sent == 0 {
		return "–"
	}
	return fmt.Sprint(c.found)
}

// lines writes the texts that are found, one by one.
func (out *results) lines(doc *bytes.Buffer, wanted func(result) bool) {
	row(doc, "line", "found in", "rule", "text")
	doc.WriteString("|---|---|---|---|\n")
	for _, r := range out.all {
		if !wanted(r) {
			continue
		}
		where, rules := []string{}, []string{}
		for _, at := range places {
			if r.rules[at] != nil {
				where, rules = append(where, string(at)), append(rules, r.rules[at]...)
			}
		}
		slices.Sort(rules)
		row(doc, r.name, strings.Join(where, ", "), strings.Join(slices.Compact(rules), ", "), shown(r.pairs))
	}
}

// shown is the strings of a payload as one piece of code.
func shown(pairs []pair) string {
	var texts []string
	for _, p := range pairs {
		if !plain.MatchString(p.name) {
			texts = append(texts, p.name)
		}
		if p.value != "" {
			texts = append(texts, p.value)
		}
	}
	var out strings.Builder
	for _, r := range strings.Join(texts, " … ") {
		if unicode.IsPrint(r) {
			out.WriteRune(r)
			continue
		}
		out.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return "``` " + out.String() + " ```"
}

// missed writes the attacks that are found in no place.
func (out *results) missed(doc *bytes.Buffer) {
	doc.WriteString("\n### Attacks of libinjection that are missed in some place\n\n")
	row(doc, "case", "found in", "text")
	doc.WriteString("|---|---|---|\n")
	for _, r := range out.all {
		if r.corpus != "libinjection" || !r.attack || len(r.rules) == r.sent {
			continue
		}
		where := []string{}
		for _, at := range places {
			if r.rules[at] != nil {
				where = append(where, string(at))
			}
		}
		row(doc, r.name, cmp.Or(strings.Join(where, ", "), "no place"), shown(r.pairs))
	}
	doc.WriteString("\n### Attacks of the Core Rule Set that are missed in every place, by its rule\n\n")
	row(doc, "rule of the Core Rule Set", "for", "texts", "missed in every place", "the numbers of the missed tests")
	doc.WriteString("|---|---|---:|---:|---|\n")
	type group struct {
		family string
		cases  int
		missed []string
	}
	groups := make(map[string]*group)
	for _, r := range out.all {
		if !strings.HasPrefix(r.corpus, "CRS") || !r.attack || r.family == noRule {
			continue
		}
		number, id, _ := strings.Cut(r.name, "-")
		g := groups[number]
		if g == nil {
			g = &group{family: r.family}
			groups[number] = g
		}
		g.cases++
		if len(r.rules) == 0 {
			g.missed = append(g.missed, id)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(groups)) {
		g := groups[number]
		row(doc, number, g.family, fmt.Sprint(g.cases), fmt.Sprint(len(g.missed)), strings.Join(g.missed, ", "))
	}
}
