package mtls

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

var errMissing = errors.New("the client has presented no certificate")

// Mistakes in a Map.
var (
	errPanicked = errors.New("mtls.Config.Map panicked")
	errChanged  = errors.New("mtls.Config.Map has changed Issuer, Method, IssuedAt or TokenID; they must stay as they are")
	errLater    = errors.New("mtls.Config.Map has made ExpiresAt later; it must not be after the end of the certificate")
	errNobody   = errors.New("mtls.Config.Map has left the Subject empty; return an error to refuse the certificate")
)

// completed lets the Map complete the caller, whom nobody else has seen. The
// result is not p, so that a Map which keeps p cannot change it later. An error
// that is not a Problem is a mistake in the Map.
func (v *Verifier) completed(p *bulwark.Principal, c *x509.Certificate) (*bulwark.Principal, error) {
	if v.complete == nil {
		return p, nil
	}
	before := *p
	if err := v.call(p, c); err != nil {
		return nil, err
	}
	done := *p
	switch {
	case done.Issuer != before.Issuer, done.Method != before.Method, done.TokenID != before.TokenID, !done.IssuedAt.Equal(before.IssuedAt):
		return nil, errChanged
	case done.ExpiresAt.IsZero() || done.ExpiresAt.After(before.ExpiresAt):
		return nil, errLater
	case done.Subject == "":
		return nil, errNobody
	}
	done.Roles, done.Scopes = slices.Clone(done.Roles), slices.Clone(done.Scopes)
	return &done, nil
}

func (v *Verifier) call(p *bulwark.Principal, c *x509.Certificate) (err error) {
	panicked := true
	defer func() {
		if panicked {
			_ = recover() // whose value may hold a name, so it is not logged
			err = errPanicked
		}
	}()
	refused := v.complete(p, c)
	panicked = false
	var own *bulwark.Problem
	switch {
	case refused == nil:
		return nil
	case errors.As(refused, &own) && own != nil:
		return own
	}
	return auth.Invalid("claim", fmt.Errorf("mtls.Config.Map has refused the certificate: %w", refused))
}

// weight is about how many bytes a caller takes in the cache.
func weight(p *bulwark.Principal) int {
	sum := 512 + len(p.Subject) + len(p.Tier) + len(p.SessionID) + len(p.ACR)
	for _, texts := range [...][]string{p.Roles, p.Scopes} {
		for _, text := range texts {
			sum += len(text) + 16
		}
	}
	return sum
}
