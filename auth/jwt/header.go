package jwt

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// header is what matters of a JOSE header. What a token says about where its
// key is (jwk, jku, x5u, x5c; RFC 7515 section 4.1) is not read: the sender
// chose it.
type header struct {
	algorithm *algorithm
	kid       string
}

// maxHeaders bounds how many headers are remembered.
const maxHeaders = 64

// headers remembers the headers of tokens that were good, as they were spelled:
// all tokens of a key have the same one, which need not be decoded each time.
type headers struct {
	mu    sync.Mutex
	known atomic.Pointer[map[string]header]
}

func (hs *headers) get(segment string) (header, bool) {
	known := hs.known.Load()
	if known == nil {
		return header{}, false
	}
	h, ok := (*known)[segment]
	return h, ok
}

// put remembers a header. A full map begins anew: keys rotate, and what is in
// use is back with the next token.
func (hs *headers) put(segment string, h header) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	known := map[string]header{}
	if old := hs.known.Load(); old != nil && len(*old) < maxHeaders {
		maps.Copy(known, *old)
	}
	h.kid = strings.Clone(h.kid) // which is a part of a longer text
	known[strings.Clone(segment)] = h
	hs.known.Store(&known)
}

// headerLimits bound what is decoded, beside the length of the token.
func headerLimits() jsondoc.Limits {
	return jsondoc.Limits{Bytes: mostBytes, Depth: 8, Keys: 64, Items: 64, Values: 256}
}

func (v *Verifier) readHeader(src []byte) (header, error) {
	var room [8]jsondoc.Member
	members, err := jsondoc.Members(room[:0], src, headerLimits())
	if err != nil {
		return header{}, auth.Invalid("malformed", err)
	}
	var h header
	var alg, typ string
	for _, m := range members {
		var into *string
		switch m.Name {
		case "alg":
			into = &alg
		case "typ":
			into = &typ
		case "kid":
			into = &h.kid
		case "crit", "b64", "zip", "enc":
			// Nothing that must be understood is (RFC 7515 section 4.1.11): an
			// unencoded payload, compression and encryption among it.
			return header{}, auth.Invalid("malformed", errors.New("header parameter "+m.Name+" is not supported"))
		default:
			continue
		}
		text, ok := m.Value.(string)
		if !ok {
			return header{}, auth.Invalid("malformed", errors.New("header parameter "+m.Name+" is no string"))
		}
		*into = text
	}
	if len(h.kid) > maxKeyID {
		return header{}, auth.Invalid("malformed", errors.New("the kid is longer than 256 bytes"))
	}
	if h.algorithm = v.algorithms[alg]; h.algorithm == nil {
		return header{}, auth.Invalid("algorithm", nil)
	}
	if p := v.checkType(typ); p != nil {
		return header{}, p
	}
	return h, nil
}

// checkType compares typ as the media type that it is (RFC 7515 section 4.1.9).
func (v *Verifier) checkType(typ string) *bulwark.Problem {
	if len(typ) > maxType+len("application/") || !isPrintable(typ) {
		return auth.Invalid("type", nil)
	}
	if v.plain && (typ == "" || strings.EqualFold(typ, "JWT")) {
		return nil
	}
	const prefix = "application/"
	if len(typ) > len(prefix) && strings.EqualFold(typ[:len(prefix)], prefix) {
		typ = typ[len(prefix):]
	}
	for _, accepted := range v.types {
		if strings.EqualFold(typ, accepted) {
			return nil
		}
	}
	return auth.Invalid("type", nil)
}
