package auth

import (
	"math/bits"
	"net/http"
	"slices"
)

// furtherFields returns the header fields, besides Authorization, that the
// authenticators read. The names are in canonical form.
func furtherFields(all []Authenticator) (fields []string) {
	for _, a := range all {
		carrier, ok := a.(Carrier)
		if !ok {
			continue
		}
		for _, name := range carrier.Fields() {
			name = http.CanonicalHeaderKey(name)
			if name != "" && name != "Authorization" && !slices.Contains(fields, name) {
				fields = append(fields, name)
			}
		}
	}
	return fields
}

// further counts the credentials in r that are not in the Authorization header.
func (m *Middleware) further(r *http.Request) (lines int) {
	for _, name := range m.fields {
		lines += len(r.Header[name])
	}
	return lines
}

// kindsOf numbers the kinds of credentials, by the scheme that each
// authenticator offers first.
func kindsOf(all []Authenticator) []int {
	kinds := make([]int, len(all))
	for i, a := range all {
		kinds[i] = i
		scheme := a.Challenges()[0].Scheme
		for j, other := range all[:i] {
			if is(other.Challenges()[0], scheme) {
				kinds[i] = kinds[j]
				break
			}
		}
	}
	return kinds
}

// A kindSet is a set of kinds.
type kindSet uint64

// maxAuthenticators is how many kinds a kindSet holds.
const maxAuthenticators = 64

func (s kindSet) with(kind int) kindSet    { return s | 1<<kind }
func (s kindSet) without(kind int) kindSet { return s &^ (1 << kind) }
func (s kindSet) len() int                 { return bits.OnesCount64(uint64(s)) }
