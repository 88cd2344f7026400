package bulwark

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"strings"
)

// ClientCertificates returns the certificates that the client has presented:
// its own certificate first, and then the certificates that it has sent to
// complete the chain. The client has proven that it holds the key of the first
// one. Nobody has verified the chain, the dates or the names. The result is
// empty if the client has presented no certificate.
//
//   - Without [Edge.ClientCertFrom], the certificates are those of the TLS
//     connection to this process.
//   - If a proxy in Edge.ClientCertFrom has sent the request, the only
//     certificate is that in the Client-Cert header. Without the header the
//     result is empty. The certificate that the proxy itself has presented is
//     the certificate of no client.
//
// A sub-request has the certificates of the request around it, and then
// inherited is true. Such certificates can confirm another credential. They are
// not a credential by themselves: the header of a sub-request does not say
// which page has caused it, so nothing would guard the caller against other
// sites.
//
// Do not modify the slice or the certificates.
func (s *Scope) ClientCertificates() (certs []*x509.Certificate, inherited bool) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	a := &s.shared.arrival
	if a.certs == nil {
		return nil, a.sub
	}
	return *a.certs, a.sub
}

// clientCertField is the header of RFC 9440 section 2.2.
const clientCertField = "Client-Cert"

// mostCertificate bounds a forwarded certificate, in bytes of DER.
const mostCertificate = 16 << 10

// The log has these errors beside "edge.client_cert". They never hold what the
// header says.
var (
	errCertLines  = notForwarded("has more than one line; the proxy must overwrite the header that the client has sent")
	errCertEmpty  = notForwarded("is empty; the proxy must leave the header out if the client has no certificate")
	errCertPEM    = notForwarded("holds PEM, such as $ssl_client_cert or $ssl_client_escaped_cert of nginx; the proxy must send the DER form in Base64, between two colons")
	errCertXFCC   = notForwarded("holds the form of X-Forwarded-Client-Cert; the proxy must send the DER form of the certificate in Base64, between two colons")
	errCertList   = notForwarded("holds a list; the proxy must send the certificate of the client alone, and others in Client-Cert-Chain, which is not read")
	errCertMore   = notForwarded("has parameters behind the certificate; RFC 9440 defines none")
	errCertColons = notForwarded("does not begin and end with a colon; the proxy must send the DER form in Base64, between two colons")
	errCertBase64 = notForwarded("is not in Base64 with the standard alphabet and padding (RFC 9651 section 3.3.5)")
	errCertLong   = notForwarded("has a certificate of more than 16 KiB")
	errCertDER    = notForwarded("is not the DER form of exactly one X.509 certificate")
)

func notForwarded(why string) error {
	return errors.New("the Client-Cert header of a proxy in bulwark.Edge.ClientCertFrom " + why)
}

// certified returns the certificates of the client, whose peer is direct.
func (e *EdgeLayer) certified(r *http.Request, rec *record, direct netip.Addr) (*[]*x509.Certificate, error) {
	rec.mu.Lock()
	certs, sub, around := rec.arrival.certs, rec.arrival.sub, rec.arrival.clientIP
	rec.mu.Unlock()
	forwards := within(e.certProxies, direct) || e.certUnix && overUnixSocket(r)
	if sub {
		// A handler may have copied the header of a sub-request from a body, so
		// the header is not read.
		if forwards || within(e.certProxies, around) {
			return nil, nil
		}
		return certs, nil
	}
	if !forwards {
		return certs, nil
	}
	lines := r.Header[clientCertField]
	if len(lines) == 0 {
		return nil, nil // a certificate of the connection is one of the proxy
	}
	cert, err := forwardedCert(lines)
	if err != nil {
		return nil, &Problem{Status: http.StatusBadRequest, Code: "edge.client_cert", Err: err,
			Detail: "The Client-Cert header is not one certificate in the form of RFC 9440."}
	}
	return &[]*x509.Certificate{cert}, nil
}

// forwardedCert reads a Client-Cert header: one Byte Sequence, which is the DER
// form of one certificate (RFC 9440 sections 2.1 and 2.2). RFC 9651 section 4.2
// would accept missing padding and unknown parameters. A proxy that overwrites
// the header sends neither, so both are signs of something else.
func forwardedCert(lines []string) (*x509.Certificate, error) {
	if len(lines) != 1 {
		return nil, errCertLines
	}
	text := strings.Trim(lines[0], " ")
	encoded, ok := strings.CutPrefix(text, ":")
	switch {
	case text == "" || text == "::":
		return nil, errCertEmpty
	case len(text) > base64.StdEncoding.EncodedLen(mostCertificate)+len("::"):
		return nil, errCertLong
	case strings.Contains(text, "-----BEGIN"):
		return nil, errCertPEM
	case strings.ContainsRune(text, ','):
		return nil, errCertList
	case !ok && strings.ContainsRune(text, '='):
		for _, key := range []string{"By=", "Hash=", "Cert=", "Chain=", "Subject=", "URI=", "DNS="} {
			if strings.Contains(text, key) {
				return nil, errCertXFCC
			}
		}
		return nil, errCertColons
	case ok && strings.Contains(encoded, ":;"):
		return nil, errCertMore
	}
	encoded, closed := strings.CutSuffix(encoded, ":")
	if !ok || !closed {
		return nil, errCertColons
	}
	if strings.ContainsAny(encoded, "\r\n") { // which package base64 skips
		return nil, errCertBase64
	}
	der, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, errCertBase64
	}
	if len(der) > mostCertificate {
		return nil, errCertLong
	}
	cert, err := x509.ParseCertificate(der) // refuses trailing bytes
	if err != nil {
		return nil, errCertDER
	}
	return cert, nil
}
