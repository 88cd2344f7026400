package schema_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// suiteDir finds the JSON-Schema-Test-Suite.
func suiteDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("BULWARK_VECTORS")
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "JSON-Schema-Test-Suite")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("set BULWARK_VECTORS to a folder that holds JSON-Schema-Test-Suite, from https://github.com/json-schema-org/JSON-Schema-Test-Suite")
	}
	return dir
}

// suiteCase is one test of the suite, flattened.
type suiteCase struct {
	name   string // file/group/test
	schema string
	data   string
	valid  bool
}

func readSuite(t *testing.T, files []string) []suiteCase {
	t.Helper()
	var all []suiteCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var groups []struct {
			Description string
			Schema      json.RawMessage
			Tests       []struct {
				Description string
				Data        json.RawMessage
				Valid       bool
			}
		}
		if err := json.Unmarshal(text, &groups); err != nil {
			t.Fatal(file, err)
		}
		for _, g := range groups {
			for _, c := range g.Tests {
				name := strings.TrimSuffix(filepath.Base(file), ".json") + "/" + g.Description + "/" + c.Description
				all = append(all, suiteCase{name, string(g.Schema), string(c.Data), c.Valid})
			}
		}
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return files
}

// remotes loads what the suite serves on localhost:1234.
func remotes(dir string) func(string) (string, error) {
	return func(url string) (string, error) {
		name, ok := strings.CutPrefix(url, "http://localhost:1234/")
		if !ok {
			return "", errors.New("not in the suite")
		}
		text, err := os.ReadFile(filepath.Join(dir, "remotes", filepath.FromSlash(name)))
		return string(text), err
	}
}

const suiteURL = "schema:///suite.json"

// ours and theirs answer "valid", "invalid", or why there is no answer.
func ours(c suiteCase, formats bool, load func(string) (string, error)) string {
	s, err := schema.CompileSuite(suiteURL, c.schema, formats, load)
	if err != nil {
		return "schema: " + err.Error()
	}
	v, err := jsondoc.DecodeValue([]byte(c.data), wide)
	if err != nil {
		return "data: " + err.Error()
	}
	valid, agreed := s.Valid(v)
	if !agreed {
		return "the two ways of evaluating disagree"
	}
	return verdict(valid)
}

func theirs(c suiteCase, formats bool, load func(string) (string, error)) string {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat = formats
	compiler.LoadURL = func(url string) (io.ReadCloser, error) {
		text, err := load(url)
		return io.NopCloser(strings.NewReader(text)), err
	}
	if err := compiler.AddResource(suiteURL, strings.NewReader(c.schema)); err != nil {
		return "schema: " + err.Error()
	}
	s, err := compiler.Compile(suiteURL)
	if err != nil {
		return "schema: " + err.Error()
	}
	decoder := json.NewDecoder(strings.NewReader(c.data))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return "data: " + err.Error()
	}
	return verdict(s.Validate(v) == nil)
}

func verdict(valid bool) string {
	if valid {
		return "valid"
	}
	return "invalid"
}

// libraryFailures are the tests of the required suite that the library alone
// does not pass. All of them pass here.
var libraryFailures = []string{
	"dynamicRef/$dynamicRef skips over intermediate resources - direct reference/integer property passes",
	"dynamicRef/$dynamicRef skips over intermediate resources - direct reference/string property fails",
	"enum/empty enum/string is invalid",
	"enum/empty enum/number is invalid",
	"enum/empty enum/null is invalid",
	"enum/empty enum/object is invalid",
	"enum/empty enum/array is invalid",
	"enum/empty enum/boolean is invalid",
}

func TestSuiteRequired(t *testing.T) {
	dir := suiteDir(t)
	load := remotes(dir)
	var failed, libraryFailed []string
	cases := readSuite(t, glob(t, filepath.Join(dir, "tests", "draft2020-12", "*.json")))
	for _, c := range cases {
		if got := ours(c, false, load); got != verdict(c.valid) {
			failed = append(failed, c.name)
			t.Errorf("%s: %s, want %s", c.name, got, verdict(c.valid))
		}
		if theirs(c, false, load) != verdict(c.valid) {
			libraryFailed = append(libraryFailed, c.name)
		}
	}
	sameList(t, libraryFailed, libraryFailures)
	t.Logf("%d of %d passed; the library alone passes %d", len(cases)-len(failed), len(cases), len(cases)-len(libraryFailed))
}

// differences are what is decided otherwise than the optional parts of the
// suite have it, by the beginning of the tests' names. Each must fail
// somewhere, and nothing else may.
type differences map[string]string

// explain returns the beginning of the list that covers name, or nothing.
func (d differences) explain(name string) string {
	longest := ""
	for prefix := range d {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return longest
}

func (d differences) run(t *testing.T, dir string, files []string, formats bool) {
	t.Helper()
	load := remotes(dir)
	needed := map[string]bool{}
	passed := 0
	cases := readSuite(t, files)
	for _, c := range cases {
		got := ours(c, formats, load)
		if got == verdict(c.valid) {
			passed++
			continue
		}
		prefix := d.explain(c.name)
		needed[prefix] = true
		if prefix == "" {
			t.Errorf("%s: %s with %s, want %s", c.name, got, c.data, verdict(c.valid))
		}
	}
	for prefix, reason := range d {
		if !needed[prefix] {
			t.Errorf("%s (%s): all pass now; take it off the list", prefix, reason)
		}
	}
	t.Logf("%d of %d passed", passed, len(cases))
}

func TestSuiteOptional(t *testing.T) {
	dir := suiteDir(t)
	differences{
		"dependencies-compatibility/":                           "an older draft's keyword, which Compile refuses",
		"ecmascript-regex/ECMA 262 regex escapes control codes": "package regexp has no \\c, and Compile refuses the pattern",
		"ecmascript-regex/ECMA 262 \\s":                         "package regexp means the ASCII ones",
		"ecmascript-regex/ECMA 262 \\S":                         "package regexp means the ASCII ones",
		"format-assertion/":                                     "formats are always asserted, whatever the meta-schema; this run has them off",
	}.run(t, dir, glob(t, filepath.Join(dir, "tests", "draft2020-12", "optional", "*.json")), false)
}

func TestSuiteFormats(t *testing.T) {
	dir := suiteDir(t)
	for format, d := range map[string]differences{
		"email": {
			"email/validation of e-mail addresses/a quoted string":         "quotes and spaces in addresses are attacks more often than addresses",
			"email/validation of e-mail addresses/an IPv4-address-literal": "no mail to literals",
			"email/validation of e-mail addresses/an IPv6-address-literal": "no mail to literals",
		},
		"uri": {
			"uri/validation of URIs/a valid URL with many special characters": "it has user information",
		},
		"hostname": {
			"hostname/validation of A-label (punycode) host names/": "xn-- labels are taken as they are and not decoded",
		},
		"uri-reference": {"uri-reference/validation of URI References/a network-path reference with an empty authority": "it leads to no host"},
		"duration":      {"duration/validation of duration strings/a component with many digits is valid": "no time.Duration holds it"},
		"uri-template":  {}, "regex": {}, "time": {}, "json-pointer": {}, "relative-json-pointer": {},
		"uuid": {}, "date-time": {}, "date": {}, "ipv4": {}, "ipv6": {},
	} {
		t.Run(format, func(t *testing.T) {
			d.run(t, dir, []string{filepath.Join(dir, "tests", "draft2020-12", "optional", "format", format+".json")}, true)
		})
	}
}
