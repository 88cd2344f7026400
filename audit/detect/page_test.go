package detect_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/audit/internal/traffic"
)

// update writes docs/detection.md and docs/detection.svg: go generate
// ./audit/detect.
var update = flag.Bool("update", false, "write docs/detection.md and docs/detection.svg")

// check holds a file to what was measured. Numbers may differ a little: the
// hashes of a Detector are random.
func check(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if why := differ(string(have), want); why != "" {
		t.Errorf("%s is not what was measured: %s; run go generate ./audit/detect", name, why)
	}
}

var numerals = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)?`)

// differ says where two texts differ by more than a small difference of their
// numbers, or returns "". In a flood, more depends on the hashes.
func differ(have, want string) string {
	if numerals.ReplaceAllString(have, "0") != numerals.ReplaceAllString(want, "0") {
		return "the text has changed"
	}
	flooded := len(numerals.FindAllString(strings.Split(have, "\n## In a flood")[0], -1))
	a, b := numerals.FindAllString(have, -1), numerals.FindAllString(want, -1)
	for i := range a {
		x, _ := strconv.ParseFloat(a[i], 64)
		y, _ := strconv.ParseFloat(b[i], 64)
		few, share := 2.5, 0.1
		if i >= flooded {
			few, share = 15, 0.3
		}
		if math.Abs(x-y) > max(few, share*math.Max(x, y)) {
			return fmt.Sprintf("number %d of the file is %s, measured is %s", i, a[i], b[i])
		}
	}
	return ""
}

func TestDiffer(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"a 100 b", "a 100 b", true}, {"a 100 b", "a 105 b", true}, {"a 100 b", "a 150 b", false}, {"a 2 b", "a 4 b", true},
		{"a 2 b", "a 6 b", false}, {"a\n## In a flood 2 b", "a\n## In a flood 6 b", true}, {"a\n## In a flood 2 b", "a\n## In a flood 26 b", false}, {"a 2 b", "a 2 c", false}, {"a 2 b", "a b", false},
	} {
		if got := differ(test.a, test.b) == ""; got != test.same {
			t.Errorf("%q and %q are the same: %v", test.a, test.b, got)
		}
	}
}

// words are the rules in the text.
var words = map[detect.Rule]string{
	detect.BruteForce: "brute force", detect.CredentialStuffing: "credential stuffing", detect.DistributedGuessing: "distributed guessing",
	detect.Enumeration: "enumeration", detect.Probing: "probing", detect.SuccessAfterFailures: "success after failures",
}

// limits are the default thresholds in the text.
var limits = map[detect.Rule]string{
	detect.BruteForce: "5, leaking one in 10 s", detect.CredentialStuffing: "5 accounts in 5 min", detect.DistributedGuessing: "10 addresses in 1 h",
	detect.Enumeration: "10 objects in 5 min, or 6 in a row", detect.Probing: "10 paths, leaking one in 10 s", detect.SuccessAfterFailures: "3 failures in 1 h",
}

// missed says what each attack can do unseen.
var missed = map[string]string{
	"brute_force":          "An attacker who waits 11 seconds between two guesses makes 327 guesses in an hour unseen. If a guess is right, success after failures reports the login, because the failures before it count for an hour.",
	"stuffing_one":         "An address can try 4 accounts in 5 minutes unseen, which is 47 accounts in an hour.",
	"stuffing_hundred":     "A hundred addresses can try 4,700 accounts in an hour unseen, because each address stays below the threshold. The rate of all failed logins shows it: see the metrics.",
	"spraying":             "A spray is seen only as stuffing by one address. With few accounts for each address it is missed, however many addresses there are.",
	"distributed_guessing": "An account can be tried from 9 addresses in an hour unseen.",
	"guessed":              "A guess that is right at the first, second or third attempt is a login like any other.",
	"enumeration_up":       "A caller can ask for 9 foreign objects of each route in 5 minutes unseen, which is 108 in an hour, with a gap after five ids. Objects that the caller may read are never counted.",
	"enumeration_down":     "The same as upwards.",
	"enumeration_random":   "The same as upwards, without the gaps.",
	"probing":              "An address can ask for 327 paths in an hour unseen.",
}

func number(n int) string {
	text := strconv.Itoa(n)
	if len(text) > 3 {
		text = text[:len(text)-3] + "," + text[len(text)-3:]
	}
	return text
}

func per1000(n, hours int) string {
	return strconv.FormatFloat(float64(n)*1000/float64(hours), 'f', 1, 64)
}

// page writes docs/detection.md.
func page(m measured) string {
	var b strings.Builder
	add := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	add(`# Detection

<!-- Made by "go generate ./audit/detect". Do not edit. -->

This page shows what package [audit/detect](../audit/detect/doc.go) finds in labelled traffic, and whom it reports by mistake. A generator with a fixed
seed makes the traffic: [audit/internal/traffic](../audit/internal/traffic/traffic.go). A test plays it through a Detector with the default
thresholds, and fails if detection becomes worse or if this page shows other numbers.

`+"```sh\ngo test -run TestEvidence ./audit/detect     # measures and compares, in half a minute\ngo generate ./audit/detect                   # measures and writes this page\n```"+`

The rates of ordinary users are assumptions. Your users are others: watch the records for a week before anything depends on them.

- [The traffic](#the-traffic)
- [What is found](#what-is-found)
- [What a slow attacker can do](#what-a-slow-attacker-can-do)
- [False reports](#false-reports)
- [Other thresholds](#other-thresholds)
- [In a flood](#in-a-flood)

## The traffic

A scenario is one hour of a service with documents. In each hour there are ordinary users of four kinds:

| kind | users in an hour | what they do |
|---|---:|---|
| browser | 400 | A visit of about 20 documents. Half of the visits begin with a login, and 7 %% of the attempts are mistyped. 3 %% of the logins are of users who have forgotten their password and try 2 to 5. For 2 %% a password manager sends an old password 2 or 3 times. 2 %% of the users have an app that tries an old password each 5 minutes. 5 %% of the other visits begin with six requests with an expired token. 1 %% of the documents are gone. |
| office | 200 | The same, by people behind one address. Most of them log in within the same 16 minutes. |
| partner | 4 | A batch client with an API key reads a document each second for 40 minutes. 1 %% of the documents begin a deleted part, and 30 %% of these are followed by another one. |
| crawler | 4 | Two monitors ask for the same few paths again and again. Two search engines follow old links: a request each 10 seconds, and 30 %% of them lead nowhere. |

The service has no rate limits here, so that the Detector sees the whole attack. A limit would stop most of these attacks earlier.

## What is found

Each attack is played %d times among the ordinary users, with other seeds. "Sources" is the share of the addresses of the attack that were reported (for
distributed guessing: of the accounts). Requests and time are the medians until the first report of the attack.

| attack | rule | threshold | found | sources | requests | time |
|---|---|---|---:|---:|---:|---:|
`, attackSeeds)
	for _, r := range m.rates {
		attack, usual := traffic.Named(r.name)
		if !usual {
			continue
		}
		rule := meant[r.name]
		add("| %s | %s | %s | %d of %d | %.0f %% | %s | %s |\n", attack.Says, words[rule], limits[rule], r.found, r.runs, 100*r.sources, number(r.requests), r.after.Round(time.Second/2))
	}
	add(`
## What a slow attacker can do

The same attackers know the thresholds and stay just below them. Nothing of this is found.

| attack | attempts in the hour | found | sources | what is missed |
|---|---:|---:|---:|---|
`)
	for _, r := range m.rates {
		name, slow := strings.CutSuffix(r.name, "_slow")
		if !slow {
			continue
		}
		attack, _ := traffic.Named(name)
		add("| %s: %s | %s | %d of %d | %.0f %% | %s |\n", strings.ReplaceAll(name, "_", " "), attack.SlowSays, number(r.attempts), r.found, r.runs, 100*r.sources, missed[name])
	}
	add(`
## False reports

Quiet hours without an attack: %d hours, %s user-hours. The last column is the number of reports in 1,000 user-hours of all users.

| rule | threshold | browser | office | partner | crawler | in 1,000 user-hours |
|---|---|---:|---:|---:|---:|---:|
`, m.hours, number(users*m.hours))
	for _, rule := range rules {
		add("| %s | %s |", words[rule], limits[rule])
		for _, kind := range kinds {
			add(" %d |", m.quiet[rule][kind.name])
		}
		add(" %s |\n", per1000(m.quiet[rule][""], users*m.hours))
	}
	add(`
- Success after failures reports people who have forgotten their password, and then remember it. The record is for the user ("was it you?"), and not for an alert.
- Credential stuffing reports the office in the morning, when five people mistype within five minutes. Know the address of an office before you refuse it.
- Enumeration reports batch clients that ask for deleted documents. Raise the threshold, or let the partner read a list of deletions.

## Other thresholds

The plot has a panel for each rule. The same threshold is set in all rules. The dashed line is the default.

![For each rule: the share of sources that are reported, at the usual pace and just below the default threshold, and the false reports, over the threshold](detection.svg)

- The blue line is the attack at its usual pace. Stuffing from a hundred addresses ends at 6, because each address has only six accounts.
- The orange line is the slow attack. It is found only where the threshold is lower than the default. A lower threshold does not find slow brute force and slow probing, because there the leak decides: an attempt each 11 seconds never adds up.
- The red line is the false reports of the ordinary users, relative to the highest number in the panel, which is written beside it.

## In a flood

A flood of actors that are made up fills the tables. Here the tables have %s places, and the flood brings so many new addresses in each 5 minutes. Each of them fails a login of an
account of its own and asks for a path. A hundred addresses try stolen passwords at the same time. %d hours each.

| new addresses in 5 minutes | stuffing addresses reported | reports of ordinary users | of these estimated | reports of made-up addresses |
|---:|---:|---:|---:|---:|
`, number(smallTable), floodHours)
	for _, f := range m.floods {
		add("| %s | %.0f %% | %d | %d | %d |\n", number(f.times*smallTable), 100*f.found, f.wrong, f.estimated, f.madeUps)
	}
	add(`
The flood hides nobody. Its cost is false reports of ordinary users who have done a part of the threshold themselves. These reports have the attribute "estimated". A separate test,
TestFloodHidesNobody, plays random floods of up to ten times the table against each rule: every actor that is above its threshold is reported one by one.
`)
	return b.String()
}

// plot writes docs/detection.svg.
func plot(m measured) string {
	const width, height, left, top, gap = 250, 150, 52, 50, 60
	var b strings.Builder
	add := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Detection and false reports over the threshold, for each rule">`, 3*(width+gap)+20, 2*(height+gap+30)+50)
	add(`<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px }
.axis { stroke: #8c959f; fill: none }
.default { stroke: #57606a; stroke-dasharray: 4 3 }
.usual { stroke: #0969da } .slow { stroke: #bc4c00; stroke-dasharray: 7 3 } .wrong { stroke: #cf222e; stroke-dasharray: 2 3 }
.usual, .slow, .wrong { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .axis { stroke: #6e7681 } .default { stroke: #9da7b3 }
.usual { stroke: #58a6ff } .slow { stroke: #f0883e } .wrong { stroke: #ff7b72 }
}
</style>`)
	for i, key := range []struct{ class, text string }{
		{"usual", "reported, at the usual pace"}, {"slow", "reported, just below the default threshold"}, {"wrong", "false reports, relative"}, {"default", "default threshold"},
	} {
		x := left + []int{0, 215, 510, 690}[i]
		add(`<path class="%s" d="M%d 20h28"/><text x="%d" y="24">%s</text>`, key.class, x, x+34, key.text)
	}
	defaults := map[detect.Rule]int{detect.BruteForce: 5, detect.CredentialStuffing: 5, detect.DistributedGuessing: 10, detect.Enumeration: 10, detect.Probing: 10, detect.SuccessAfterFailures: 3}
	for i, rule := range rules {
		x0, y0 := left+i%3*(width+gap), top+20+i/3*(height+gap+20)
		at := func(threshold int) float64 { return float64(x0) + float64(threshold-2)/18*width }
		up := func(share float64) float64 { return float64(y0+height) - share*height }
		sweep := m.sweeps[rule]
		most := 0.0
		for _, n := range sweep.wrong {
			most = math.Max(most, n)
		}
		add(`<text class="title" x="%d" y="%d">%s</text>`, x0, y0-10, words[rule])
		if most > 0 {
			add(`<text x="%d" y="%d" text-anchor="end">at most %.0f false in 1,000 user-hours</text>`, x0+width, y0+height+32, most)
		} else {
			add(`<text x="%d" y="%d" text-anchor="end">no false reports</text>`, x0+width, y0+height+32)
		}
		add(`<path class="axis" d="M%d %dv%dh%d"/>`, x0, y0, height, width)
		for _, share := range []float64{0, 0.5, 1} {
			add(`<text x="%d" y="%.0f" text-anchor="end">%.0f %%</text>`, x0-4, up(share)+4, 100*share)
		}
		for _, threshold := range []int{2, 5, 10, 15, 20} {
			add(`<text x="%.0f" y="%d" text-anchor="middle">%d</text>`, at(threshold), y0+height+16, threshold)
		}
		add(`<path class="default" d="M%.0f %dv%d"/>`, at(defaults[rule]), y0, height)
		line := func(class string, values []float64, scale, shift float64) {
			var path []string
			for k, value := range values {
				path = append(path, fmt.Sprintf("%.0f %.0f", at(thresholds[k]), up(value/scale)+shift))
			}
			add(`<path class="%s" d="M%s"/>`, class, strings.Join(path, "L"))
		}
		line("wrong", sweep.wrong, math.Max(most, 1), 0)
		line("slow", sweep.slow, 1, -1)
		line("usual", sweep.usual, 1, 1)
	}
	add(`</svg>`)
	return b.String()
}
