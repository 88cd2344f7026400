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

// watched are the values of the fields, and the Writer around an answer that no
// layer watches yet, in one allocation.
type watched struct {
	values [4]string
	writer response.Writer
}

// write writes the fields, unless those of a limit outside have less remaining.
func (o *once) write(w http.ResponseWriter, c *charge, at int64, answers bool) http.ResponseWriter {
	h := w.Header()
	if outer := h[o.remaining]; len(outer) == 1 {
		if n, err := strconv.ParseInt(outer[0], 10, 64); err == nil && n <= c.standing.Remaining {
			return w
		}
	}
	var room [64]byte
	b := strconv.AppendInt(room[:0], c.quota.spans[c.tight].narrow.Limit, 10)
	i := len(b)
	b = strconv.AppendInt(b, c.standing.Remaining, 10)
	j := len(b)
	b = strconv.AppendInt(b, at, 10)
	text := string(b)
	var values *[4]string
	switch around := response.Around(w); {
	case !answers:
		values = new([4]string)
	case around != nil:
		values = new([4]string)
		around.BeforeHeader(o)
	default:
		own := new(watched)
		values = &own.values
		w = own.writer.Install(w)
		own.writer.BeforeHeader(o)
	}
	*values = [4]string{text[:i], text[i:j], text[j:], c.quota.plain}
	h[o.limit], h[o.remaining], h[o.reset] = values[0:1:1], values[1:2:2], values[2:3:3]
	if o.policy != "" && len(h[limitField]) == 0 { // a Draft outside has its own syntax
		h[o.policy] = values[3:4:4]
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
