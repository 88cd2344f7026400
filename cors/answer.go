package cors

import (
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark/internal/response"
)

// answer is what the innermost layer of this package says about one response.
// It says so again just before the header is written: a reverse proxy adds what
// its upstream says, and two lines of a header make browsers refuse the answer
// (Fetch, CORS check). After a 103 it also removes what was there.
//
// Its values are those of this response alone, in one allocation.
type answer struct {
	varies bool // with Origin
	others bool // what others say stays: the layer only watches
	values [4]string
}

// The places of the values.
const (
	varyValue = iota
	originValue
	exposedValue
	credentialsValue
)

// alone is the answer of a layer whose response no other layer watches, with
// the Writer, in one allocation.
type alone struct {
	writer response.Writer
	answer answer
}

// hook returns the answer that is the last to be asked, and what it watches.
func hook(w http.ResponseWriter) (*answer, http.ResponseWriter, *response.Writer) {
	watched := response.Around(w)
	if watched == nil {
		own := new(alone)
		w = own.writer.Install(w)
		own.writer.BeforeHeader(&own.answer)
		return &own.answer, w, &own.writer
	}
	a, around := response.Hooked[*answer](watched)
	if !around {
		a = new(answer)
		watched.BeforeHeader(a)
	}
	return a, w, watched
}

// serve lets next answer. With an empty origin no other origin may read the
// answer.
func (m *Middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler, origin string) {
	a, w, watched := hook(w)
	a.varies, a.others = origin != "*", m.dryRun && origin == ""
	a.values[varyValue] = "Origin"
	a.values[originValue], a.values[exposedValue], a.values[credentialsValue] = "", "", ""
	if origin != "" {
		a.values[originValue], a.values[exposedValue] = origin, m.exposed
		if m.credentials {
			a.values[credentialsValue] = "true"
		}
	}
	h := w.Header()
	if a.varies {
		a.vary(h)
	}
	a.grant(h)
	next.ServeHTTP(w, r)
	watched.Finish()
}

// BeforeHeader leaves one line of each header of the protocol, or none. Vary is
// a list, and names that other code adds to it stay.
func (a *answer) BeforeHeader(h http.Header, _ int) {
	if !a.others && (misspelt(h) || !a.stands(h)) {
		forget(h)
		a.grant(h)
	}
	if a.varies && !mentions(h["Vary"], "Origin") {
		a.vary(h)
	}
}

// stands reports whether the header says what the layer says. The other headers
// of the protocol count in the answer to a preflight alone.
func (a *answer) stands(h http.Header) bool {
	return a.alone(h[allowOrigin], originValue) && a.alone(h[exposeHeaders], exposedValue) && a.alone(h[allowCredentials], credentialsValue)
}

// alone reports whether the lines of a header are our one line, or none where
// we have none.
func (a *answer) alone(lines []string, i int) bool {
	if a.values[i] == "" {
		return len(lines) == 0
	}
	return len(lines) == 1 && lines[0] == a.values[i]
}

// grant lets the origin, if there is one, read the answer to an actual request,
// by the headers that rs/cors would set.
func (a *answer) grant(h http.Header) {
	a.put(h, allowOrigin, originValue)
	a.put(h, exposeHeaders, exposedValue)
	a.put(h, allowCredentials, credentialsValue)
}

func (a *answer) put(h http.Header, name string, i int) {
	if a.values[i] != "" {
		h[name] = a.values[i : i+1 : i+1]
	}
}

// vary says that the answer depends on the Origin.
func (a *answer) vary(h http.Header) {
	if others := h["Vary"]; len(others) > 0 {
		h["Vary"] = append(others[:len(others):len(others)], a.values[varyValue])
		return
	}
	a.put(h, "Vary", varyValue)
}

// mentions reports whether the lines of a list have a name, or a *.
func mentions(lines []string, name string) bool {
	for _, line := range lines {
		if line == name {
			return true
		}
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.Trim(item, " \t"); item == "*" || strings.EqualFold(item, name) {
				return true
			}
		}
	}
	return false
}
