package sanitize_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/sanitize"
)

func seed(f *testing.F) {
	for _, s := range plainTexts {
		f.Add(s)
	}
	for _, tt := range edits {
		f.Add(tt.in)
	}
	for _, s := range attacks {
		f.Add(s)
	}
	for _, tt := range ugcEdits {
		f.Add(tt.in)
	}
	for _, s := range likeAttributes {
		f.Add(s)
	}
}

func FuzzText(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in string) {
		got := sanitize.String(sanitize.Text, in)
		settled(t, sanitize.Text, got)
		inert(t, in, got)
		if !strings.ContainsAny(in, "<&") && ordinary(in) && got != in {
			t.Errorf("changed %q to %q", in, got)
		}
		if formula.MatchString(in) && got != in {
			t.Errorf("changed the formula %q to %q", in, got)
		}
		if rejected := sanitize.String(sanitize.Reject, in); rejected != "" && rejected != got {
			t.Errorf("Reject returned %q and Text %q", rejected, got)
		}
	})
}

// formula is an open name at the end of a text that no element has.
var formula = regexp.MustCompile(`^[A-Za-z ]+<[A-Za-z]*(limit|max|min|bar|zz)$`)

// ordinary reports whether in is normalised and has nothing in it but printable
// ASCII and letters.
func ordinary(in string) bool {
	return norm.NFC.IsNormalString(in) && !strings.ContainsFunc(in, func(c rune) bool {
		return c < ' ' && c != '\n' || c > '~' && (c < 0x3b1 || c > 0x3c9)
	})
}

func FuzzUGC(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in string) {
		got := sanitize.String(sanitize.UGC, in)
		settled(t, sanitize.UGC, got)
		harmless(t, in, got)
		strict := sanitize.String(sanitize.Strict, in)
		settled(t, sanitize.Strict, strict)
		if strings.Contains(strict, "<") {
			t.Errorf("Strict left a tag in %q, of %q", strict, in)
		}
	})
}

// FuzzBody holds the patched bytes against a decoder that knows nothing of
// patching.
func FuzzBody(f *testing.F) {
	f.Add(`{"a":"<b>x</b>","b":["<i>y",{"c":"\u003cp>z"}],"n":1.50, "d":"<b>"}`)
	f.Add(`{"a":"\ud83d\ude00<b>","b":[[],"&lt;b>"]}`)
	f.Add(`["<b>","\"<b>\\"]`)
	f.Add(`"<b>"`)
	layer := bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{"": sanitize.Text, "/a": sanitize.Text, "/b/*": sanitize.UGC,
		"/b/*/c": sanitize.Text, "/0": sanitize.Strict}}))
	f.Fuzz(func(t *testing.T, in string) {
		r, err := layer.Clean(post(asJSON, in))
		if err != nil {
			return
		}
		if r.Body == nil {
			t.Fatal("no body")
		}
		out, _ := io.ReadAll(r.Body)
		if len(out) == 0 && in == "" {
			return
		}
		var before, after any
		if err := json.Unmarshal([]byte(in), &before); err != nil {
			t.Fatalf("accepted %q: %v", in, err)
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("wrote %q: %v", out, err)
		}
		if want := expected(before); !reflect.DeepEqual(after, want) {
			t.Errorf("%q became %q, want %v", in, out, want)
		}
		again, err := layer.Clean(post(asJSON, string(out)))
		if err != nil {
			t.Fatalf("refuses its own %q: %v", out, err)
		}
		if twice, _ := io.ReadAll(again.Body); string(twice) != string(out) {
			t.Errorf("once %q, twice %q", out, twice)
		}
	})
}

// expected walks a document and sanitizes what FuzzBody names.
func expected(v any) any {
	policy := func(v any, p sanitize.Policy) any {
		if s, ok := v.(string); ok {
			return sanitize.String(p, s)
		}
		return v
	}
	inB := func(v any) any {
		if object, ok := v.(map[string]any); ok {
			if c, ok := object["c"]; ok {
				object["c"] = policy(c, sanitize.Text)
			}
		}
		return policy(v, sanitize.UGC)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			switch name {
			case "a":
				v[name] = policy(value, sanitize.Text)
			case "0":
				v[name] = policy(value, sanitize.Strict)
			case "b":
				switch b := value.(type) {
				case []any:
					for i := range b {
						b[i] = inB(b[i])
					}
				case map[string]any:
					for k := range b {
						b[k] = inB(b[k])
					}
				}
			}
		}
	case []any:
		if len(v) > 0 {
			v[0] = policy(v[0], sanitize.Strict)
		}
	}
	return policy(v, sanitize.Text)
}

// FuzzQuery holds the rewritten query against net/url.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{"q=%3Cb%3Ea&x=1", "q&q=&Q=<b>", "q=a;b", "q=%", "%71=<b>&=&&", "q=a+b%2B<i>", "x=<b>"} {
		f.Add(q)
	}
	layer := bulwark.Must(sanitize.New(sanitize.Config{Query: sanitize.Fields{"q": sanitize.Text}}))
	f.Fuzz(func(t *testing.T, in string) {
		before, err := url.ParseQuery(in)
		r, refused := layer.Clean(&http.Request{URL: &url.URL{RawQuery: in}})
		if err != nil {
			if refused == nil {
				t.Errorf("accepted %q: %v", in, err)
			}
			return
		}
		if refused != nil {
			if !strings.Contains(in, ";") && len(in) < 1<<20 {
				t.Errorf("refused %q: %v", in, refused)
			}
			return
		}
		after, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			t.Fatalf("wrote %q: %v", r.URL.RawQuery, err)
		}
		for name, values := range before {
			for i, value := range values {
				if strings.EqualFold(name, "q") {
					value = sanitize.String(sanitize.Text, value)
				}
				if after[name][i] != value {
					t.Errorf("%q became %q: %s[%d] is %q, want %q", in, r.URL.RawQuery, name, i, after[name][i], value)
				}
			}
		}
	})
}
