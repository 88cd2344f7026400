package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// nonces makes and knows nonces without keeping any: each is the number of a
// stretch of time and a MAC over it, so that all processes with the key agree.
type nonces struct {
	key      []byte
	lifetime time.Duration
}

const nonceMAC = 16 // bytes

// current returns the nonce to use now: that of the stretch that it is in.
func (n *nonces) current(now time.Time) string { return n.of(n.stretch(now)) }

// stretch is the number of the stretch of time.
func (n *nonces) stretch(at time.Time) uint64 {
	return uint64(at.Unix()) / uint64(n.lifetime/time.Second)
}

// of returns the nonce of a stretch.
func (n *nonces) of(stretch uint64) string {
	var raw [8 + nonceMAC]byte
	binary.BigEndian.PutUint64(raw[:8], stretch)
	mac := hmac.New(sha256.New, n.key)
	mac.Write([]byte("dpop nonce"))
	mac.Write(raw[:8])
	copy(raw[8:], mac.Sum(nil))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// knows reports whether a nonce is that of this stretch of time or of the last,
// or of the next: another process whose clock is ahead may have handed it out.
// It returns the time from which on the nonce is not known any more.
func (n *nonces) knows(nonce string, now time.Time) (until time.Time, known bool) {
	here := n.stretch(now)
	for _, stretch := range [...]uint64{here, here - 1, here + 1} {
		if hmac.Equal([]byte(nonce), []byte(n.of(stretch))) {
			return time.Unix(int64((stretch+2)*uint64(n.lifetime/time.Second)), 0), true
		}
	}
	return time.Time{}, false
}

// wantsNonce tells the nonce to use (RFC 9449 section 9).
func wantsNonce(nonce string) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.use_dpop_nonce",
		Detail: "Make the DPoP proof with the nonce in the DPoP-Nonce header field.",
		Header: http.Header{"Dpop-Nonce": {nonce}},
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "nonce"},
		Err:    errNonce,
	}
}

var errNonce = errors.New("the nonce of the proof is missing or too old; dpop.Config.NonceKey makes each proof carry one. " +
	"A client that gets this answer tries again with the nonce in it")
