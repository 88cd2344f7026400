package bulwark

import (
	"crypto/x509"
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark/internal/nat64"
)

// An arrival is how a request reached the service. [Edge] settles most of it,
// once. A sub-request came like the request around it, and its header does not
// change that.
type arrival struct {
	clientIP  netip.Addr
	path      string
	query     string // as it came; only the names of its parameters are looked at
	requestID string // made on first use if no Edge settled one
	traceID   string
	spanID    string
	baseURL   string
	certs     *[]*x509.Certificate // of the client, its own first; nil if it has none
	host      string               // the Host, if an Edge has found it among its Hosts
	method    method
	secure    bool
	edged     bool // an Edge has settled it
	sub       bool // a handler has sent it: its header is not that of a connection
}

// of fills in the facts that r alone knows: which request it is.
func (a *arrival) of(r *http.Request) {
	a.method = methodOf(r.Method)
	if r.URL != nil {
		a.path, a.query = r.URL.Path, r.URL.RawQuery
	}
}

// from fills in the facts that only the connection of r knows: where it comes
// from.
func (a *arrival) from(r *http.Request) {
	a.clientIP, a.secure = nat64.Client(peer(r)), r.TLS != nil
	if r.TLS != nil {
		a.certs = &r.TLS.PeerCertificates
	}
}

// id returns the id of the request.
func (a *arrival) id() string {
	if a.requestID == "" {
		a.requestID = newRequestID()
	}
	return a.requestID
}
