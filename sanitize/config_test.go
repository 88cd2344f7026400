package sanitize_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/sanitize"
)

func TestConfigErrors(t *testing.T) {
	text := sanitize.Fields{"/a": sanitize.Text}
	for _, tt := range []struct {
		name   string
		config sanitize.Config
		fields []string
	}{
		{"zero", sanitize.Config{}, []string{"sanitize.Fields"}},
		{"no_slash", sanitize.Config{Fields: sanitize.Fields{"a": sanitize.Text, "?q": sanitize.Text}},
			[]string{"sanitize.Fields[?q]", "sanitize.Fields[a]"}},
		{"partial_star", sanitize.Config{Fields: sanitize.Fields{"/a*": sanitize.Text, "/**/b": sanitize.Text}},
			[]string{"sanitize.Fields[/**/b]", "sanitize.Fields[/a*]"}},
		{"bad_escape", sanitize.Config{Fields: sanitize.Fields{"/a~2": sanitize.Text, "/~0~": sanitize.Text}},
			[]string{"sanitize.Fields[/a~2]", "sanitize.Fields[/~0~]"}},
		{"no_policy", sanitize.Config{Fields: sanitize.Fields{"/a": nil}, Query: sanitize.Fields{"q": sanitize.Custom(nil)},
			Form: sanitize.Fields{"f": sanitize.Builtin(99)}}, []string{"sanitize.Fields[/a]", "sanitize.Form[f]", "sanitize.Query[q]"}},
		{"names", sanitize.Config{Query: sanitize.Fields{"": sanitize.Text, "?q": sanitize.Text}, Form: sanitize.Fields{"/a": sanitize.Text}},
			[]string{"sanitize.Form[/a]", "sanitize.Query[?q]", "sanitize.Query[]"}},
		{"negative", sanitize.Config{Fields: text, MaxBodyBytes: -1, BodyTimeout: -1,
			JSON: bulwark.JSONLimits{MaxDepth: -1, MaxKeys: -1, MaxItems: -1, MaxValues: -1, MaxStringBytes: -1, MaxNameBytes: -1}},
			[]string{"sanitize.BodyTimeout", "sanitize.JSON.MaxDepth", "sanitize.JSON.MaxItems", "sanitize.JSON.MaxKeys",
				"sanitize.JSON.MaxNameBytes", "sanitize.JSON.MaxStringBytes", "sanitize.JSON.MaxValues", "sanitize.MaxBodyBytes"}},
		{"media_types", sanitize.Config{Fields: text, MediaTypes: []string{"text/plain", "Application/JSON", "application/json; charset=utf-8", "/", "application/x+json"}},
			[]string{"sanitize.MediaTypes[0]", "sanitize.MediaTypes[1]", "sanitize.MediaTypes[2]", "sanitize.MediaTypes[3]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := sanitize.New(tt.config)
			if m != nil {
				t.Error("a middleware beside the error")
			}
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok {
				t.Fatalf("error %v", err)
			}
			var fields []string
			for _, err := range joined.Unwrap() {
				var e *bulwark.ConfigError
				if !errors.As(err, &e) || e.Reason == "" {
					t.Fatalf("error %v", err)
				}
				fields = append(fields, e.Field)
			}
			slices.Sort(fields)
			if !slices.Equal(fields, tt.fields) {
				t.Errorf("fields\n got %v\nwant %v", fields, tt.fields)
			}
			layer, err := tt.config.Build()
			if layer != nil || err == nil {
				t.Errorf("Build returned %v, %v", layer, err)
			}
		})
	}
}

func TestConfigIsCopied(t *testing.T) {
	c := sanitize.Config{Fields: sanitize.Fields{"/a": sanitize.Reject}, Query: sanitize.Fields{"q": sanitize.Reject},
		MediaTypes: []string{"application/json"}}
	layer := bulwark.Must(sanitize.New(c))
	c.Fields["/a"], c.Query["q"], c.MediaTypes[0] = sanitize.Text, sanitize.Text, "application/x+json"
	send(t, layer, post(asJSON, `{"a":"<b>"}`)).refused(400, "sanitize.markup", bulwark.InputValidationFail)
	r := post(asJSON, `{}`)
	r.URL.RawQuery = "q=%3Cb%3E"
	send(t, layer, r).refused(400, "sanitize.markup", bulwark.InputValidationFail)
}

func TestDefaults(t *testing.T) {
	layer := bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{"/a": sanitize.Text}}))
	body := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	send(t, layer, post(asJSON, body(1<<20))).passed(body(1 << 20))
	send(t, layer, post(asJSON, body(1<<20+1))).refused(413, "body.too_large", bulwark.InputValidationFail)
}

func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		name     string
		policy   sanitize.Policy
		in, want string
	}{
		{"nil_is_reject", nil, "<b>x", ""},
		{"nil_takes_text", nil, "1 < 2", "1 < 2"},
		{"unknown_is_reject", sanitize.Builtin(99), "<b>x", ""},
		{"zero_is_reject", sanitize.Builtin(0), "<b>x", ""},
		{"custom_nil_is_reject", sanitize.Custom(nil), "<b>x", ""},
		{"custom_normalises", sanitize.Custom(strings.ToUpper), "e\u0301\x00", "É"},
		{"reject_control", sanitize.Reject, "a\x1bb", ""},
		{"reject_bidi", sanitize.Reject, "a\u2067b", ""},
		{"reject_encoding", sanitize.Reject, "a\xff", ""},
		{"reject_composes", sanitize.Reject, "e\u0301", "é"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sanitize.String(tt.policy, tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
