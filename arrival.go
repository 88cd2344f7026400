package bulwark

import (
	"net/http"
	"net/netip"
)

// An arrival is how a request reached the service. [Edge] settles most of it,
// once: a sub-request has come the way of the request around it, whatever its
// header says.
type arrival struct {
	clientIP  netip.Addr
	path      string
	requestID string // made on first use where no Edge settled one
	traceID   string
	spanID    string
	baseURL   string
	method    method
	secure    bool
	edged     bool // an Edge has settled it
}

// arrived is what the connection alone tells of r.
func arrived(r *http.Request) arrival {
	a := arrival{method: methodOf(r.Method), clientIP: peer(r), secure: r.TLS != nil}
	if r.URL != nil {
		a.path = r.URL.Path
	}
	return a
}

// id returns the id of the request.
func (a *arrival) id() string {
	if a.requestID == "" {
		a.requestID = newRequestID()
	}
	return a.requestID
}
