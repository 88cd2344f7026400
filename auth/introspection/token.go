package introspection

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/bulwark-go/bulwark/internal/compact"
)

// What the log says of a token that is not asked about.
var (
	errNoToken  = errors.New("there is no Bearer or DPoP token")
	errUnsigned = errors.New("the token is a JWT without a signature, which anybody can make (RFC 7519 section 6)")
	errForm     = errors.New("the token is empty, or has a character that no token may have (RFC 6750 section 2.1)")
)

// checkForm returns nil for a token that may be asked about: a b64token (RFC
// 6750 section 2.1). It keeps from the endpoint what no server ever issued.
func checkForm(token string, limit int) error {
	if len(token) > limit {
		return fmt.Errorf("the token is longer than introspection.Config.MaxTokenBytes, which is %d", limit)
	}
	text := strings.TrimRight(token, "=")
	if text == "" {
		return errForm
	}
	for i := range len(text) {
		if !isB64Byte(text[i]) {
			return errForm
		}
	}
	return nil
}

// isUnsigned reports whether the token is a JWT whose signature is empty. No
// issuer gives out such a token, and a server might look at its claims only.
func isUnsigned(token string, limit int) bool {
	if !strings.HasSuffix(token, ".") {
		return false
	}
	_, ok := compact.Issuer(token+"AA", limit+2) // as if it were signed
	return ok
}

func isB64Byte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~+/", c) >= 0
}

// key is what an answer is remembered by.
type key [sha256.Size]byte

// scopeOf is common to all that one client asks at one endpoint.
func scopeOf(endpoint, client string) key {
	var b []byte
	for _, text := range []string{endpoint, client} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	return sha256.Sum256(b)
}

// of returns the key of a token: the hash of all of it, so that no two tokens
// share an answer, and so that a copy of the memory shows none. It does not
// allocate for a token of usual size.
func (scope *key) of(token string) key {
	var room [1024]byte
	return sha256.Sum256(append(append(room[:0], scope[:]...), token...))
}
