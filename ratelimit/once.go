package ratelimit

import (
	"net/http"
	"strconv"

	"github.com/bulwark-go/bulwark/internal/response"
)

// once are the fields of a syntax that an answer has on one line each. A
// reverse proxy adds the fields of its upstream to ours, and a client that
// reads "100, 50" finds no number. So once is a hook of the answer.
type once struct{ limit, remaining, reset, policy string }

var (
	tripleFields = &once{"Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset", policyField}
	legacyFields = &once{limit: "X-Ratelimit-Limit", remaining: "X-Ratelimit-Remaining", reset: "X-Ratelimit-Reset"}
)

// once returns the fields of the syntax that must not be doubled, or nil. The
// fields of Draft are lists.
func (syntax Headers) once() *once {
	switch syntax {
	case Triple:
		return tripleFields
	case Legacy:
		return legacyFields
	}
	return nil
}

// keepOnce returns the writer for an answer whose fields must stay on one line.
func keepOnce(w http.ResponseWriter, charges []charge) http.ResponseWriter {
	for i := range charges {
		fields := charges[i].limit.headers.once()
		if fields == nil || len(w.Header()[fields.remaining]) == 0 {
			continue
		}
		var watched *response.Writer
		w, watched = response.Of(w)
		watched.BeforeHeader(fields)
	}
	return w
}

// BeforeHeader leaves the lines of one limit: of the one with the least
// remaining, as among the limits of a chain, and of the first if another has
// not said all of it.
func (o *once) BeforeHeader(h http.Header, _ int) {
	least := o.least(h)
	for _, name := range [...]string{o.limit, o.remaining, o.reset, o.policy} {
		if lines := h[name]; len(lines) > 1 {
			if name == policyField && len(h[limitField]) > 0 { // of a Draft, in its own syntax
				h[name] = lines[1:]
				continue
			}
			h[name] = []string{lines[least]}
		}
	}
}

// least returns the place of the lines with the least remaining.
func (o *once) least(h http.Header) (at int) {
	all := h[o.remaining]
	whole := len(h[o.limit]) == len(all) && len(h[o.reset]) == len(all) && (o.policy == "" || len(h[o.policy]) == len(all))
	if len(all) < 2 || !whole {
		return 0
	}
	least, err := strconv.ParseInt(all[0], 10, 64)
	if err != nil {
		return 0
	}
	for i, text := range all {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n < least {
			least, at = n, i
		}
	}
	return at
}
