package conformance_test

import (
	"errors"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// maxToken is what a verifier accepts by default, in bytes.
const maxToken = 8192

// reasons are all that a token can be refused for: those of jose.Fault, and
// "keys" if the key set is refused before any token is read.
var reasons = []string{"malformed", "algorithm", "type", "unknown_key", "signature", "keys"}

// A verdict is what our code says of a token.
type verdict struct {
	reason string // one of the reasons; empty where the token is accepted
	cause  string // in our words, which do not change with a library's version
}

func (v verdict) accepted() bool { return v.reason == "" }

func (v verdict) String() string {
	switch {
	case v.accepted():
		return "accepted"
	case v.cause == "":
		return v.reason
	}
	return v.reason + ": " + v.cause
}

// judge verifies a vector with the keys of its group.
func judge(g group, v vector) verdict {
	if v.encrypted() {
		// Before any key is looked for; that there is none would be another
		// reason.
		return verify(v.token(), &jose.KeySet{})
	}
	keys, err := g.keySet()
	if err != nil {
		return verdict{"keys", keysCause(err)}
	}
	return verify(v.token(), keys)
}

// verify does what auth/jwt does with a token, except for the claims, which the
// vectors do not have.
func verify(token string, keys *jose.KeySet) verdict {
	parts, err := compact.Parse(token, maxToken)
	if err != nil {
		return refused(err)
	}
	return verifyParts(parts, keys)
}

// verifyParts accepts all algorithms at once, those for secrets beside those
// for public keys. No configuration can say so: here the key alone must decide.
func verifyParts(parts compact.Token, keys *jose.KeySet) verdict {
	rules := jose.Rules{Algorithms: jose.Algorithms(), Plain: true}
	header, err := rules.ReadHeader(parts.Header)
	if err != nil {
		return refused(err)
	}
	candidates, err := keys.Candidates(header)
	if err != nil {
		return refused(err)
	}
	signer, err := header.Verify(parts, candidates)
	if err != nil {
		return refused(err)
	}
	if !slices.Contains(candidates, signer) {
		return verdict{"none", "the signer is no candidate"}
	}
	return verdict{}
}

// refused tells the reason of an error as auth/jwt does.
func refused(err error) verdict {
	var fault *jose.Fault
	if !errors.As(err, &fault) {
		return verdict{"malformed", err.Error()}
	}
	if fault.Err == nil || fault.Reason == "signature" { // whose cause is crypto's
		return verdict{reason: fault.Reason}
	}
	return verdict{fault.Reason, fault.Err.Error()}
}

// keysCause is why a key set is refused. Behind the colon it may be crypto or
// jwx that speaks, whose words change.
func keysCause(err error) string {
	text := err.Error()
	summary, cause, _ := strings.Cut(text, ": ")
	if strings.HasPrefix(cause, "it has ") || strings.HasPrefix(cause, "has ") {
		return text
	}
	return summary
}
