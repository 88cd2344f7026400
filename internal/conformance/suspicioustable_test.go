package conformance_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

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
