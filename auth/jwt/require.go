package jwt

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const (
	maxRequire = 16 // claims that each token is compared with
	maxTexts   = 16 // of one claim
)

// claim is one of [Config.Require].
type claim struct {
	name  string
	path  claims.Path
	wants func(value any) bool // nil for a value that New has refused
	shown string               // what it wants, for the log
	kind  string               // what the value must be, for the log
}

// required returns the claims in a fixed order, for the log.
func required(wanted map[string]any) []claim {
	var all []claim
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		path, _ := claims.NewPath(name) // whose error New has reported
		one := claim{name: name, path: path}
		one.set(wanted[name])
		all = append(all, one)
	}
	return all
}

// set compiles the value that the claim must have.
func (c *claim) set(value any) {
	switch value := value.(type) {
	case string:
		c.wantTexts(value)
	case []string:
		c.wantTexts(slices.Clone(value)...)
	case bool:
		c.kind, c.shown = "a boolean", strconv.FormatBool(value)
		c.wants = func(found any) bool { return found == value }
	case int:
		c.wantNumber(strconv.Itoa(value))
	case int64:
		c.wantNumber(strconv.FormatInt(value, 10))
	case float64:
		if !math.IsInf(value, 0) && !math.IsNaN(value) {
			c.wantNumber(strconv.FormatFloat(value, 'g', -1, 64))
		}
	}
}

func (c *claim) wantTexts(texts ...string) {
	c.kind, c.shown = "a string or a list of strings", claims.Shown(texts...)
	c.wants = func(found any) bool {
		has, ok := claims.StringList(found)
		for _, text := range texts {
			ok = ok && slices.Contains(has, text)
		}
		return ok
	}
}

func (c *claim) wantNumber(text string) {
	c.kind, c.shown = "a number", text
	wanted := parseDecimal(text)
	c.wants = func(found any) bool {
		number, ok := found.(json.Number)
		return ok && parseDecimal(string(number)) == wanted
	}
}

// stateOf says for the log what is wrong with the claim. It does not repeat the
// value, which the sender of the token may have made up.
func (c *claim) stateOf(value any) string {
	ok := true
	switch value.(type) {
	case nil:
		return "is missing"
	case bool:
		ok = c.kind == "a boolean"
	case json.Number:
		ok = c.kind == "a number"
	default:
		_, texts := claims.StringList(value)
		ok = texts && c.kind == "a string or a list of strings"
	}
	if !ok {
		return "is not " + c.kind
	}
	return "has another value"
}

// checkRequired compares the claims that must have one value.
func (v *Verifier) checkRequired(members []jsondoc.Member) error {
	for i := range v.require {
		want := &v.require[i]
		if value := want.path.Find(members); !want.wants(value) {
			return auth.Invalid("claim", fmt.Errorf("the claim %s %s, and %s.Require wants %s", want.name, want.stateOf(value), configName, want.shown))
		}
	}
	return nil
}

// neverRequired are the claims that differ from token to token, or that other
// fields are about.
var neverRequired = []string{"exp", "iat", "nbf", "auth_time", "cnf", "events"}

// checkRequire notes the mistakes in Require.
func (c Config) checkRequire(found *fault.List) {
	if len(c.Require) > maxRequire {
		found.Add("Require", strconv.Itoa(len(c.Require)), "must have at most 16 claims")
	}
	for _, want := range required(c.Require) {
		value := c.Require[want.name]
		if _, err := claims.NewPath(want.name); err != nil {
			found.Add("Require", want.name, err.Error())
		}
		texts, isList := value.([]string)
		if text, isText := value.(string); isText {
			texts = []string{text}
		}
		switch {
		case want.name == "" || slices.Contains(texts, "") || isList && len(texts) == 0:
			found.Add("Require", want.name, "must have a name and a value that are not empty; a claim cannot be required to be missing")
		case isList && len(texts) > maxTexts:
			found.Add("Require", want.name, "must have at most 16 texts for one claim")
		case want.name == "iss" && value != c.Issuer:
			found.Add("Require", want.name, "must be left out: it wants another iss than Issuer, and a token has one iss only")
		case slices.Contains(neverRequired, want.name):
			found.Add("Require", want.name, "must be left out: the claim is a time or an object, and no good token has this value; see MaxLifetime and DPoP")
		case want.wants == nil:
			found.Add("Require", want.name, fmt.Sprintf("has a value of the type %T, or a number that is not finite; write a string, []string, bool, int, int64 or float64", value))
		}
	}
}

// A decimal is a number that is written in one way only, so that two of them
// are compared without loss. Zero has no digits.
type decimal struct {
	negative bool
	digits   string // without zeros at the ends
	exponent int    // of ten, of the first digit
}

// parseDecimal reads a JSON number (RFC 8259 section 6). Its exponent has been
// bounded by the decoder.
func parseDecimal(text string) decimal {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, power := text, 0
	if mark := strings.IndexAny(text, "eE"); mark >= 0 {
		mantissa = text[:mark]
		power, _ = strconv.Atoi(text[mark+1:])
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent := power + len(digits) - len(fraction)
	if digits = strings.TrimRight(digits, "0"); digits == "" {
		return decimal{}
	}
	return decimal{negative, digits, exponent}
}
