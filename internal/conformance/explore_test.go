package conformance_test

import ("testing";"fmt";"os";"strings";"slices")

func TestExplore(t *testing.T) {
	w := newWatcher(t)
	type k struct{ c, f string; a bool; at place }
	n := map[k][3]int{}
	out, _ := os.Create("/tmp/notes/explore.txt")
	for _, c := range []corpus{injectionCorpus(t), crsCorpus(t), ordinaryCorpus(t), messageCorpus(t), codeCorpus(t)} {
		for _, p := range c.payloads {
			for _, at := range places {
				s := w.send(t, p, at)
				x := n[k{p.corpus, p.family, p.attack, at}]
				if !s.sent { x[2]++ } else { x[0]++; if len(s.rules) > 0 { x[1]++ } }
				n[k{p.corpus, p.family, p.attack, at}] = x
				if s.sent && p.attack != (len(s.rules) > 0) { fmt.Fprintf(out, "%s|%s|attack=%v|%s|%s|%q|%q\n", p.corpus, p.family, p.attack, at, p.name, s.rules, p.pairs) }
			}
		}
		for why, n := range c.leftOut { fmt.Println(n, strings.ReplaceAll(why, "\x00", ": ")) }
	}
	var keys []string
	for key, x := range n { keys = append(keys, fmt.Sprintf("%-20s %-10s attack=%-5v %-6s sent %4d found %4d %5.1f%% unsent %d", key.c, key.f, key.a, key.at, x[0], x[1], 100*float64(x[1])/float64(x[0]), x[2])) }
	slices.Sort(keys)
	fmt.Println(strings.Join(keys, "\n"))
}
