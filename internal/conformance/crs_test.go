package conformance_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	crstests "github.com/corazawaf/coraza-coreruleset/v4/tests"
	"gopkg.in/yaml.v3"
)

// A crsFile is the regression tests of one rule of the OWASP Core Rule Set.
type crsFile struct {
	Rule  int `yaml:"rule_id"`
	Tests []struct {
		ID     int `yaml:"test_id"`
		Stages []struct {
			Input  crsInput
			Output struct {
				Log struct {
					Expect   []int `yaml:"expect_ids"`
					NoExpect []int `yaml:"no_expect_ids"`
				}
			}
		}
	}
}

// A crsInput is a request.
type crsInput struct {
	URI, Data string
	Encoded   string `yaml:"encoded_request"`
	Headers   map[string]string
}

// crsFamilies are the rules whose attacks a rule of ours is for. Lists are
// rules; a number below 1000 stands for all rules that begin with it.
var crsFamilies = []struct {
	family string
	rules  []int
}{
	{"nosql", []int{942290}},
	{"sqli", []int{942}},
	{"xss", []int{941}},
	{"traversal", []int{930}},
	{"crlf", []int{921120, 921130, 921150, 921151, 921160, 921190}},
	{"template", []int{934180, 944150, 944151, 944152}},
	{"", []int{934, 944}}, // classes of Java, functions of Node.js and others: no rule is for them
}

func crsFamily(rule int) (family string, ok bool) {
	for _, f := range crsFamilies {
		if slices.Contains(f.rules, rule) || slices.Contains(f.rules, rule/1000) {
			return f.family, true
		}
	}
	return "", false
}

// crsCorpus is the regression tests of the Core Rule Set. A test that expects
// its rule is an attack. A test that expects no match is harmless for that
// rule, which is not the same as harmless. Many tests end in a line break that
// is not part of the attack. It is removed.
func crsCorpus(t testing.TB) corpus {
	t.Helper()
	files, err := fs.Glob(crstests.FS, "*/*.yaml")
	if err != nil || len(files) < 250 {
		t.Fatalf("%d files of tests: %v", len(files), err)
	}
	levels := crsLevels(t)
	var c corpus
	for _, name := range files {
		number, err := strconv.Atoi(strings.TrimSuffix(path.Base(name), ".yaml"))
		if err != nil {
			continue
		}
		family, ok := crsFamily(number)
		if !ok {
			continue
		}
		text, err := fs.ReadFile(crstests.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		var file crsFile
		if err := yaml.Unmarshal(text, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(file.Tests) == 0 {
			t.Fatalf("%s has no tests", name)
		}
		corpusName := "CRS"
		switch {
		case family == "":
			corpusName, family = "CRS, other attacks", "no rule"
		case number == 941100, number == 941101, number == 942100, number == 942101:
			corpusName = "CRS, by libinjection"
		case family == "sqli" && levels[number] == 0:
			t.Fatalf("rule %d has no level", number)
		case family == "sqli" && levels[number] > 1:
			corpusName = "CRS, levels 2 to 4"
		}
		for _, test := range file.Tests {
			stage := test.Stages[0]
			attack := slices.Contains(stage.Output.Log.Expect, number)
			if !attack && !slices.Contains(stage.Output.Log.NoExpect, number) {
				c.leave(corpusName+", "+family, "expects neither a match nor none")
				continue
			}
			pairs, why := stage.Input.pairs()
			if why != "" {
				c.leave(corpusName+", "+family, why)
				continue
			}
			if family != "crlf" {
				for i := range pairs {
					pairs[i] = pair{strings.TrimRight(pairs[i].name, "\r\n"), strings.TrimRight(pairs[i].value, "\r\n")}
				}
			}
			c.add(payload{corpusName, family, fmt.Sprintf("%d-%d", number, test.ID), attack, pairs})
		}
	}
	return c
}

var (
	crsRule  = regexp.MustCompile(`id:(\d{6}),`)
	crsLevel = regexp.MustCompile(`tag:'paranoia-level/(\d)'`)
)

// crsLevels reads the paranoia level of each rule. A rule above level 1 finds
// harmless texts as well, and has to be wanted.
func crsLevels(t testing.TB) map[int]int {
	t.Helper()
	levels := make(map[int]int)
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/REQUEST-942-*.conf")
	if err != nil || len(files) != 1 {
		t.Fatalf("%q: %v", files, err)
	}
	text, err := fs.ReadFile(coreruleset.FS, files[0])
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "\nSecRule ") {
		id, level := crsRule.FindStringSubmatch(block), crsLevel.FindStringSubmatch(block)
		if id == nil || level == nil {
			continue
		}
		number, _ := strconv.Atoi(id[1])
		levels[number], _ = strconv.Atoi(level[1])
	}
	return levels
}

// usual are the header fields of a test that has its payload elsewhere.
var usual = []string{"accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-length", "content-type", "host", "keep-alive",
	"proxy-connection", "user-agent"}

// pairs are the strings of a request, or why it has none.
func (in crsInput) pairs() (pairs []pair, why string) {
	if in.Encoded != "" {
		return nil, "is a whole encoded request"
	}
	target, query, _ := strings.Cut(in.URI, "?")
	for _, prefix := range []string{"/get/", "/post/", "/anything/"} { // of the server under test
		target = strings.TrimPrefix(target, prefix)
	}
	if whole := lenient(target); !regexp.MustCompile(`^[\w./-]*$`).MatchString(whole) || strings.Contains(whole, "..") {
		pairs = append(pairs, pair{"path", whole})
	}
	pairs = append(pairs, lenientPairs(query)...)
	unusual, mediaType := false, ""
	for name, value := range in.Headers {
		switch name = strings.ToLower(name); {
		case name == "content-type":
			mediaType, _, _ = strings.Cut(value, ";")
		case name == "user-agent" && !strings.Contains(value, "OWASP CRS test agent"), !slices.Contains(usual, name):
			unusual = true
		}
	}
	if in.Data != "" {
		if mediaType == "" && strings.HasPrefix(in.Data, "{") && json.Valid([]byte(in.Data)) {
			mediaType = "application/json"
		}
		switch mediaType {
		case "multipart/form-data":
			return nil, "is a multipart body"
		case "application/json":
			var doc any
			if json.Unmarshal([]byte(in.Data), &doc) != nil {
				return nil, "is not JSON and says that it is"
			}
			pairs = append(pairs, jsonPairs(doc, "")...)
		case "application/x-www-form-urlencoded", "":
			pairs = append(pairs, lenientPairs(strings.TrimRight(in.Data, "\r\n"))...)
		default:
			pairs = append(pairs, pair{"data", in.Data})
		}
	}
	trivial := true
	for _, p := range pairs {
		trivial = trivial && plain.MatchString(p.name) && plain.MatchString(p.value)
	}
	if len(pairs) == 0 || trivial && unusual {
		return nil, "has its payload in a header field, cookie or file name"
	}
	return pairs, ""
}

// jsonPairs are the strings of a document.
func jsonPairs(v any, name string) (pairs []pair) {
	switch v := v.(type) {
	case string:
		pairs = append(pairs, pair{name, v})
	case []any:
		for _, element := range v {
			pairs = append(pairs, jsonPairs(element, name)...)
		}
	case map[string]any:
		for member, value := range v {
			if !plain.MatchString(member) {
				pairs = append(pairs, pair{"name", member})
			}
			pairs = append(pairs, jsonPairs(value, member)...)
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return strings.Compare(a.name+"\x00"+a.value, b.name+"\x00"+b.value)
	})
	return pairs
}

// lenientPairs are the parameters of a query or form.
func lenientPairs(text string) (pairs []pair) {
	for part := range strings.SplitSeq(text, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, pair{lenient(strings.ReplaceAll(name, "+", " ")), lenient(strings.ReplaceAll(value, "+", " "))})
	}
	return pairs
}

// lenient decodes percent escapes, and keeps what is none.
func lenient(s string) string {
	var out strings.Builder
	for s != "" {
		if s[0] == '%' && len(s) >= 3 {
			if c, err := url.PathUnescape(s[:3]); err == nil {
				out.WriteString(c)
				s = s[3:]
				continue
			}
		}
		out.WriteByte(s[0])
		s = s[1:]
	}
	return out.String()
}
