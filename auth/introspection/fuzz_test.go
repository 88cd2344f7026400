package introspection_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// FuzzAnswer reads answers. Whatever the endpoint says, a caller comes of it
// only where a decoder that knows nothing of ours agrees on every member that
// counts.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		good, usual(), `{}`, `{"active":false}`, `{"active":"true"}`, `{"active":true,"active":false}`, `[]`, `{"active":true`,
		with("aud", `["a","`+audience+`"]`), with("exp", `1e300`), with("exp", `4102444800.5`), with("cnf", `{"jkt":"x"}`), with("typ", `"Refresh"`),
		with("sub", `"\u0000\ud83d\ude00"`), with("scope", `["a",1]`), with("roles", `{"a":1}`), with("x", `[[[[[[]]]]]]`), good + " x",
	} {
		f.Add([]byte(body))
	}
	i := mustNew(f, config(&server{}))
	now := time.Unix(1_800_000_000, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		p, reason := i.Read(slices.Clone(body), now)
		if (p == nil) == (reason == "") {
			t.Fatalf("caller %v, reason %q", p, reason)
		}
		if p == nil {
			return
		}
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		if answer["active"] != true || answer["sub"] != p.Subject || p.Subject == "" || p.Issuer != issuerURL {
			t.Fatalf("accepted %q as %+v", body, p)
		}
		if issuer, ok := answer["iss"]; ok && issuer != issuerURL {
			t.Fatalf("accepted the issuer %v", issuer)
		}
		list, _ := answer["aud"].([]any)
		if answer["aud"] != audience && !slices.Contains(list, any(audience)) {
			t.Fatalf("accepted the audience %v", answer["aud"])
		}
		if expires, ok := answer["exp"].(float64); !ok || expires+61 < float64(now.Unix()) || p.ExpiresAt.IsZero() {
			t.Fatalf("accepted the end %v", answer["exp"])
		}
		if answer["cnf"] != nil {
			t.Fatalf("accepted the binding %v", answer["cnf"])
		}
		for name, value := range answer {
			if got, ok := p.Claim(name); !ok || (got == nil) != (value == nil) {
				t.Fatalf("the claim %q is %v, want %v", name, got, value)
			}
		}
	})
}
