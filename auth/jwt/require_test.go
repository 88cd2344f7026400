package jwt_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// What a claim must be follows from the Go type of the value in Require.
func TestRequire(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	for _, test := range []struct {
		name  string
		want  any
		claim any // nil for none
		says  string
	}{
		{"text", "a", "a", ""},
		{"text-other", "a", "b", "has another value"},
		{"text-case", "a", "A", "has another value"},
		{"text-in-a-list", "a", []string{"b", "a"}, ""},
		{"text-not-in-a-list", "a", []string{"b"}, "has another value"},
		{"text-empty-list", "a", []string{}, "has another value"},
		{"text-list-of-others", "a", []any{"a", 7}, "is not a string or a list of strings"},
		{"text-list-in-a-list", "a", []any{[]string{"a"}}, "is not a string or a list of strings"},
		{"text-object", "a", map[string]any{"a": true}, "is not a string or a list of strings"},
		{"text-part", "a", "a b", "has another value"},
		{"text-missing", "a", nil, "is missing"},
		{"text-null", "a", null, "is missing"},
		{"text-number", "1", 1, "is not a string or a list of strings"},
		{"text-bool", "true", true, "is not a string or a list of strings"},

		{"texts", []string{"a", "b"}, []string{"b", "c", "a"}, ""},
		{"texts-one-missing", []string{"a", "b"}, []string{"a", "c"}, "has another value"},
		{"texts-of-one", []string{"a"}, "a", ""},
		{"texts-two-in-one", []string{"a", "b"}, "a", "has another value"},
		{"texts-missing", []string{"a"}, nil, "is missing"},
		{"texts-number", []string{"a"}, 7, "is not a string or a list of strings"},

		{"true", true, true, ""},
		{"true-false", true, false, "has another value"},
		{"true-text", true, "true", "is not a boolean"},
		{"true-number", true, 1, "is not a boolean"},
		{"true-missing", true, nil, "is missing"},
		{"false", false, false, ""},
		{"false-missing", false, nil, "is missing"},
		{"false-null", false, null, "is missing"},
		{"false-true", false, true, "has another value"},

		{"number", 7, 7, ""},
		{"number-other", 7, 8, "has another value"},
		{"number-sign", 7, -7, "has another value"},
		{"number-text", 7, "7", "is not a number"},
		{"number-missing", 0, nil, "is missing"},
		{"number-zero", 0, raw("-0.0e5"), ""},
		{"number-fraction", 7, raw("7.000"), ""},
		{"number-exponent", 700, raw("7e2"), ""},
		{"number-exponent-fraction", 7, raw("0.07E+2"), ""},
		{"number-near", 7, raw("7.0000000000000000000000001"), "has another value"},
		{"number-large", int64(1<<53 + 1), raw("9007199254740993"), ""},
		{"number-large-near", int64(1<<53 + 1), raw("9007199254740992"), "has another value"},
		{"number-largest", int64(math.MaxInt64), raw("9223372036854775807"), ""},
		{"number-least", int64(math.MinInt64), raw("-9223372036854775808"), ""},
		{"number-beyond", int64(math.MaxInt64), raw("9223372036854775808"), "has another value"},
		{"float", 0.1, raw("0.1"), ""},
		{"float-other-spelling", 0.1, raw("1e-1"), ""},
		{"float-near", 0.1, raw("0.1000000000000000055511151231257827"), "has another value"},
		{"float-whole", 2.0, 2, ""},
		{"float-large", 1e300, raw("1e300"), ""},
		{"number-list", 7, []int{7}, "is not a number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config
			c.Require = map[string]any{"x": test.want}
			token := issuer.Token(authtest.Claims{"x": test.claim})
			if test.says == "" {
				newService(t, c).accepts(token)
				return
			}
			text := cause(wantRefused(t, c, token, "claim"))
			if !strings.HasPrefix(text, "the claim x "+test.says+", and jwt.Config.Require wants ") {
				t.Errorf("the log says %q, want %q", text, test.says)
			}
		})
	}
}

// A path that leads through a list finds the item that a pointer names, and no
// other.
func TestRequireThroughAList(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	token := issuer.Token(authtest.Claims{"tenants": []any{map[string]any{"id": "t1"}, map[string]any{"id": "t2"}}})
	config.Require = map[string]any{"/tenants/1/id": "t2"}
	newService(t, config).accepts(token)
	for _, path := range []string{"/tenants/0/id", "tenants.1.id", "tenants.id", "/tenants/id", "/tenants/2/id"} {
		config.Require = map[string]any{path: "t2"}
		wantRefused(t, config, token, "claim")
	}
}

func TestRequireIsCopied(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	list := []string{"a"}
	config.Require = map[string]any{"x": list}
	s := newService(t, config)
	list[0], config.Require["y"] = "b", "c"
	s.accepts(issuer.Token(authtest.Claims{"x": "a"}))
}

func TestRequireConfigErrors(t *testing.T) {
	_, config := issuerAndConfig(t)
	type text string
	for name, require := range map[string]map[string]any{
		"nil":               {"x": nil},
		"named-type":        {"x": text("a")},
		"bytes":             {"x": []byte("a")},
		"list-of-any":       {"x": []any{"a"}},
		"list-of-numbers":   {"x": []int{1}},
		"object":            {"x": map[string]any{}},
		"unsigned":          {"x": uint(1)},
		"json-number":       {"x": json.Number("1")},
		"not-a-number":      {"x": math.NaN()},
		"infinite":          {"x": math.Inf(1)},
		"empty-list":        {"x": []string{}},
		"nil-list":          {"x": []string(nil)},
		"empty-text":        {"x": ""},
		"empty-text-inside": {"x": []string{"a", ""}},
		"long-list":         {"x": slices.Repeat([]string{"a"}, 17)},
		"no-name":           {"": true},
		"another-issuer":    {"iss": []string{config.Issuer}},
		"a-time":            {"exp": 1},
		"an-event":          {"events": "x"},
		"bad-pointer":       {"/~": true},
	} {
		c := config
		c.Require = require
		if _, err := jwt.New(c); !slices.Equal(fieldsOf(err), []string{"jwt.Require"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	config.Require = map[string]any{"n": uint(1)}
	want := "jwt.Require: n: has a value of the type uint, or a number that is not finite; write a string, []string, bool, int, int64 or float64"
	if _, err := jwt.New(config); err == nil || withoutIssuer(err.Error()) != want {
		t.Errorf("%v, want %s", err, want)
	}
	config.Require = map[string]any{"iss": config.Issuer}
	if _, err := jwt.New(config); err != nil {
		t.Error(err)
	}
}
