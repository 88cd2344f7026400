package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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
func (n *nonces) current(now time.Time) string {
	var raw [8 + nonceMAC]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.Unix())/uint64(n.lifetime/time.Second))
	mac := hmac.New(sha256.New, n.key)
	mac.Write([]byte("dpop nonce"))
	mac.Write(raw[:8])
	copy(raw[8:], mac.Sum(nil))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// knows reports whether a nonce is that of this stretch of time or of the last,
// or of the next: another process whose clock is ahead may have handed it out.
func (n *nonces) knows(nonce string, now time.Time) bool {
	for _, near := range [...]time.Duration{0, -n.lifetime, n.lifetime} {
		if hmac.Equal([]byte(nonce), []byte(n.current(now.Add(near)))) {
			return true
		}
	}
	return false
}

// wantsNonce tells the nonce to use (RFC 9449 section 9).
func wantsNonce(nonce string) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.use_dpop_nonce",
		Detail: "Make the DPoP proof with the nonce in the DPoP-Nonce header field.",
		Header: http.Header{"Dpop-Nonce": {nonce}},
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "nonce"},
	}
}
