package ratelimit

import (
	"net/http"
	"slices"
	"time"
)

// Headers chooses the header fields in which a response tells the client how
// much of the limit is left. With [Failures] the fields count this request as a
// failure, because they are sent before the request ends.
type Headers int

const (
	// Draft sends the fields of the current IETF draft:
	//
	//	RateLimit-Policy: "api";q=100;w=60
	//	RateLimit: "api";r=50;t=1
	//
	// q is the quota of a window of w seconds. r is how many requests pass at
	// once now, and t is the seconds until r grows. The fields are lists: each
	// limit of a chain adds its own members, one for each window of its rate:
	//
	//	RateLimit-Policy: "api-second";q=10;w=1, "api-day";q=1000;w=86400
	//	RateLimit: "api-second";r=9;t=1, "api-day";r=999;t=87
	//
	// The draft is now draft-ietf-httpapi-ratelimit-headers-11 of May 2026. A
	// later revision may change the fields that Draft sends. The name Draft
	// stays.
	Draft Headers = iota
	// Triple sends the fields of revision 6 of the draft: RateLimit-Limit,
	// RateLimit-Remaining, RateLimit-Reset in seconds from now, and
	// RateLimit-Policy. If there are several limits or windows, the fields show
	// the one with the least remaining. The limits of the upstream of a reverse
	// proxy are among them:
	//
	//	RateLimit-Limit: 100
	//	RateLimit-Remaining: 50
	//	RateLimit-Reset: 1
	//	RateLimit-Policy: 100;w=60
	Triple
	// Legacy sends X-RateLimit-Limit, X-RateLimit-Remaining and
	// X-RateLimit-Reset. Reset is a time, in seconds since 1970. If there are
	// several limits, the fields show the same limit as Triple.
	Legacy
	// NoHeaders sends no such fields. A 429 still has Retry-After.
	NoHeaders
)

// The keys of a header map are in canonical form; the assignments below rely on
// it.
const (
	policyField = "Ratelimit-Policy"
	limitField  = "Ratelimit"
)

// write describes the charge in the header of w. It allocates one string and
// one slice. If a handler answers, its answer goes to the writer that write
// returns.
func (syntax Headers) write(w http.ResponseWriter, c *charge, answers bool) http.ResponseWriter {
	switch syntax {
	case Draft:
		writeLists(w.Header(), c)
	case Triple:
		return tripleFields.write(w, c, seconds(c.standing.Reset), answers)
	case Legacy:
		at := time.Now().Add(c.standing.Reset)
		return legacyFields.write(w, c, at.Unix()+min(1, int64(at.Nanosecond())), answers)
	}
	return w
}

func writeLists(h http.Header, c *charge) {
	var limit string
	if len(c.quota.spans) == 1 {
		var room [128]byte
		limit = string(c.quota.spans[0].appendLimit(room[:0], c.standing.Remaining, seconds(c.standing.Reset)))
	} else {
		var room [maxWindows * 128]byte
		b := room[:0]
		for i := range c.quota.spans {
			if i > 0 {
				b = append(b, ", "...)
			}
			s := c.of(i)
			b = c.quota.spans[i].appendLimit(b, s.Remaining, seconds(s.Reset))
		}
		limit = string(b)
	}
	policies, limits := h[policyField], h[limitField]
	if len(limits) == 0 {
		policies = nil // of a Triple outside, in another syntax
	}
	// One array for both: neither can grow into the other.
	values := make([]string, 0, len(policies)+len(limits)+2)
	values = append(values, policies...)
	values = append(values, c.quota.policies)
	n := len(values)
	values = append(values, limits...)
	values = append(values, limit)
	h[policyField], h[limitField] = values[:n:n], slices.Clip(values[n:])
}

// seconds rounds up, so that a client that waits as long is not too early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
