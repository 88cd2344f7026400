package mtls

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// mostBetween bounds the intermediate certificates that a client may send. A
// chain is at most a few certificates long, and each costs a signature.
const mostBetween = 8

// The log has these errors beside the reasons of a refusal. They never hold
// what the certificate says, so the errors of package x509 are left out.
var (
	errMany       = errors.New("the client has sent more than 8 intermediate certificates; mtls.Config.Intermediates can have them")
	errPast       = errors.New("the certificate, or one between it and mtls.Config.ClientCAs, has expired")
	errFuture     = errors.New("the certificate is not valid yet; the clock of the authority or of this machine is wrong, or the authority must date certificates back")
	errAuthority  = errors.New("the certificate is that of an authority, and not of a client of mtls.Config.ClientCAs")
	errPurpose    = errors.New("the certificate does not name the purpose clientAuth, or one between it and mtls.Config.ClientCAs does not allow it")
	errSign       = errors.New("the key usage of the certificate does not have digitalSignature, which mtls.Config needs for a client")
	errCritical   = errors.New("the certificate, or one between it and mtls.Config.ClientCAs, has a critical extension that is not understood")
	errNoChain    = errors.New("no chain leads from the certificate to mtls.Config.ClientCAs; certificates between them come from the client or from mtls.Config.Intermediates, and behind a proxy only from Intermediates")
	errNotAllowed = errors.New("an authority between the certificate and mtls.Config.ClientCAs may not issue it, by its name constraints, path length or purposes")
)

// dates refuses a certificate that is not valid now. It is asked on every
// request.
func dates(c *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(c.NotBefore):
		return auth.Invalid("not_yet_valid", errFuture)
	case now.After(c.NotAfter):
		return auth.Invalid("expired", errPast)
	}
	return nil
}

// forClients refuses a certificate that is not made for a client.
func forClients(c *x509.Certificate) error {
	switch {
	case c.IsCA:
		return auth.Invalid("type", errAuthority)
	// Package x509 takes a missing list, and anyExtendedKeyUsage, for all
	// purposes.
	case !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return auth.Invalid("type", errPurpose)
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return auth.Invalid("type", errSign)
	}
	return nil
}

// trusted builds a chain from the first certificate to the roots. It returns
// the end of the validity of the chain that lasts longest.
func (v *Verifier) trusted(certs []*x509.Certificate, now time.Time) (end time.Time, err error) {
	between := v.between
	if len(certs) > 1 {
		between = between.Clone()
		for _, c := range certs[1:] {
			between.AddCert(c)
		}
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{
		Roots: v.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return time.Time{}, untrusted(err)
	}
	for _, chain := range chains {
		if last := lasts(chain); last.After(end) {
			end = last
		}
	}
	return end, nil
}

// lasts is the end of the validity of a chain.
func lasts(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, c := range chain[1:] {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// untrusted is the refusal for an error of package x509.
func untrusted(err error) error {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		switch invalid.Reason {
		case x509.Expired:
			return auth.Invalid("expired", errPast)
		case x509.IncompatibleUsage:
			return auth.Invalid("type", errPurpose)
		}
		return auth.Invalid("issuer", errNotAllowed)
	}
	var critical x509.UnhandledCriticalExtension
	if errors.As(err, &critical) {
		return auth.Invalid("malformed", errCritical)
	}
	return auth.Invalid("issuer", errNoChain)
}
