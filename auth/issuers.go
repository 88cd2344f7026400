package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/auth/internal/terms"
)

// issuersOf returns the issuers of an authenticator, and false if it names no
// issuer.
func issuersOf(a Authenticator) ([]string, bool) {
	if many, ok := a.(Issuers); ok {
		return many.Issuers(), true
	}
	if one, ok := a.(Issuer); ok {
		return []string{one.Issuer()}, true
	}
	return nil, false
}

// occupied are the issuers of the authenticators of a Config.
type occupied struct {
	all    []Authenticator
	issuer []owned
}

// owned is an issuer, or a pattern of issuers, and the place of its
// authenticator.
type owned struct {
	issuer string
	place  int
}

// add takes the issuers of the authenticator at place i. It says what is wrong
// with one of them, or returns "" as the reason.
func (t *occupied) add(i int) (value, reason string) {
	names, ok := issuersOf(t.all[i])
	if !ok {
		return "", ""
	}
	if len(names) == 0 || slices.Contains(names, "") {
		return "", "has no issuer, because it was made without its New; check the error of its New"
	}
	others := t.issuer
	for _, name := range names {
		var same []int
		for _, other := range others {
			switch {
			case name == other.issuer:
				same = append(same, other.place)
			case issuer.Overlap(name, other.issuer):
				return name, fmt.Sprintf("accepts issuers that Authenticators[%d] (%s) accepts also, so a token of theirs would be two credentials; "+
					"give each authenticator its own issuers", other.place, other.issuer)
			}
		}
		if len(same) > 0 {
			if reason := besideFault(t.all, same, t.all[i]); reason != "" {
				return name, reason
			}
		}
		t.issuer = append(t.issuer, owned{name, i})
	}
	return "", ""
}

// besideFault says why an authenticator cannot stand beside others of its
// issuer, or returns "". Signed and opaque tokens of one issuer may: the form
// of a token decides who verifies it, and both verify it under the same terms.
func besideFault(all []Authenticator, others []int, a Authenticator) string {
	first := others[0]
	ours, ok := a.(terms.Party)
	theirs, both := all[first].(terms.Party)
	if !ok || !both || len(others) > 1 || ours.Terms().Kind == theirs.Terms().Kind {
		return fmt.Sprintf("has the same issuer as Authenticators[%d], so nobody could tell their callers apart; give each authenticator its own Issuer", first)
	}
	if field := ours.Terms().Differ(theirs.Terms()); field != "" {
		return fmt.Sprintf("has the same issuer as Authenticators[%d], and another %s; signed and opaque tokens of one issuer need the same Revocations, DPoP, MutualTLS, InsecureUnbound and MaxTokenBytes, and ClientClaim in both or in neither", first, field)
	}
	return ""
}

// A roster knows the issuers of the authenticators.
type roster struct {
	exact    map[string]bool
	patterns []issuer.Pattern
}

// add takes an issuer or a pattern.
func (k *roster) add(name string) {
	k.exact[name] = true
	if !strings.Contains(name, "*") {
		return
	}
	if p, reason := issuer.NewPattern(name); reason == "" {
		k.patterns = append(k.patterns, p)
	}
}

// has reports whether an authenticator is for the issuer.
func (k *roster) has(iss string) bool {
	if k.exact[iss] {
		return true
	}
	for _, p := range k.patterns {
		if p.Match(iss) {
			return true
		}
	}
	return false
}
