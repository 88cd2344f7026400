package jose

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// MaxType bounds an accepted typ in bytes, without "application/".
const MaxType = 64

// maxHeader bounds a decoded header in bytes; tokens are shorter.
const maxHeader = 64 << 10

// A Header is what matters of a JOSE header. What a token says about where its
// key is (jku, x5u, x5c; RFC 7515 section 4.1) is not read: the sender chose
// it.
type Header struct {
	Algorithm *Algorithm
	KeyID     string
	// JWK is the member jwk, which only a proof of possession brings on
	// purpose; nil where the Rules do not read it.
	JWK map[string]any
}

// Rules say which headers are accepted.
type Rules struct {
	Algorithms map[string]*Algorithm // by name
	Types      []string              // accepted values of typ, without "application/" in front
	Plain      bool                  // typ "JWT", or none, is accepted too
	OwnKey     bool                  // the header's own jwk is wanted
}

// headerLimits bound what is decoded, beside the length of the token.
func headerLimits() jsondoc.Limits {
	return jsondoc.Limits{Bytes: maxHeader, Depth: 8, Keys: 64, Items: 64, Values: 256}
}

// ReadHeader reads a decoded header, or returns a Fault.
func (rules *Rules) ReadHeader(src []byte) (Header, error) {
	var room [8]jsondoc.Member
	members, err := jsondoc.Members(room[:0], src, headerLimits())
	if err != nil {
		return Header{}, malformed(err)
	}
	var h Header
	var alg, typ string
	for _, m := range members {
		var into *string
		switch m.Name {
		case "alg":
			into = &alg
		case "typ":
			into = &typ
		case "kid":
			into = &h.KeyID
		case "crit", "b64", "zip", "enc":
			// Nothing that must be understood is (RFC 7515 section 4.1.11): an
			// unencoded payload, compression and encryption among it.
			return Header{}, malformed(errors.New("header parameter " + m.Name + " is not supported"))
		case "jwk":
			if rules.OwnKey {
				h.JWK, _ = m.Value().(map[string]any)
			}
			continue
		default:
			continue
		}
		text, ok := m.Text()
		if !ok && m.Name != "alg" && m.Value() == nil {
			continue // null in an optional parameter: it is not there
		}
		if !ok {
			return Header{}, malformed(errors.New("header parameter " + m.Name + " is not a string"))
		}
		*into = text
	}
	if len(h.KeyID) > MaxKeyID {
		return Header{}, malformed(errors.New("the kid is longer than 256 bytes"))
	}
	if h.Algorithm = rules.Algorithms[alg]; h.Algorithm == nil {
		return Header{}, &Fault{"algorithm", &AlgorithmError{alg, rules.Algorithms}}
	}
	if !rules.accepts(typ) {
		return Header{}, &Fault{"type", &TypeError{typ, rules.Types}}
	}
	return h, nil
}

// An AlgorithmError refuses the alg of a token.
type AlgorithmError struct {
	alg      string
	accepted map[string]*Algorithm
}

// Error says which algorithms are accepted. It names the alg of the token only
// if the alg is a registered one: nothing that a stranger has made up enters
// the log.
func (e *AlgorithmError) Error() string {
	came := "another one"
	switch {
	case e.alg == "":
		came = "missing"
	case e.alg == "none" || slices.Contains(registered, e.alg):
		came = strconv.Quote(e.alg)
	}
	return "the alg is " + came + ", accepted are " + strings.Join(Names(e.accepted), ", ")
}

// registered are the names of all algorithms that can be configured.
var registered = Names(Algorithms())

// A TypeError refuses the typ of a token.
type TypeError struct {
	typ      string
	accepted []string
}

// Error says which types are accepted. It names the typ of the token only if
// the typ is a usual one, as [AlgorithmError] does.
func (e *TypeError) Error() string {
	came := "another one"
	switch typ := strings.ToLower(withoutPrefix(e.typ)); {
	case typ == "":
		came = "missing"
	case typ == "jwt":
		came = `"JWT"`
	case slices.Contains(usualTypes[:], typ):
		came = strconv.Quote(typ)
	}
	return "the typ is " + came + ", accepted is " + strings.Join(e.accepted, ", ")
}

// usualTypes are the types of access tokens (RFC 9068), of proofs of possession
// (RFC 9449) and of logout tokens (OpenID Connect Back-Channel Logout 1.0).
var usualTypes = [...]string{"at+jwt", "dpop+jwt", "logout+jwt"}

// Plain reports whether the typ is missing or "JWT", which says nothing. The
// Rules may accept both.
func (e *TypeError) Plain() bool { return isPlain(e.typ) }

// accepts compares typ as the media type that it is (RFC 7515 section 4.1.9).
func (rules *Rules) accepts(typ string) bool {
	if len(typ) > MaxType+len(mediaPrefix) || !IsPrintable(typ) {
		return false
	}
	if rules.Plain && isPlain(typ) {
		return true
	}
	typ = withoutPrefix(typ)
	for _, accepted := range rules.Types {
		if strings.EqualFold(typ, accepted) {
			return true
		}
	}
	return false
}

const mediaPrefix = "application/"

// withoutPrefix takes off what may be left out of a typ.
func withoutPrefix(typ string) string {
	if len(typ) > len(mediaPrefix) && strings.EqualFold(typ[:len(mediaPrefix)], mediaPrefix) {
		return typ[len(mediaPrefix):]
	}
	return typ
}

// isPlain reports whether a typ is that of any token, or missing.
func isPlain(typ string) bool { return typ == "" || strings.EqualFold(withoutPrefix(typ), "JWT") }

// IsPrintable reports whether text is printable ASCII.
func IsPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

var errSignature = errors.New("the signature is not that of the key")

// Verify returns which of the keys has signed the token, or a Fault. The keys
// are Candidates for its header.
func (h Header) Verify(t compact.Token, candidates []*Key) (*Key, error) {
	for _, k := range candidates {
		if h.Algorithm.check(t.Input, t.Signature, k) {
			return k, nil
		}
	}
	return nil, &Fault{"signature", errSignature}
}
