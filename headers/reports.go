package headers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Reports are the bounds of a [ReportsHandler]. The zero value has the
// defaults.
type Reports struct {
	// MaxBodyBytes is the size of a report in bytes. A larger report is 413.
	// Default: 64 KiB. At most 1 MiB.
	MaxBodyBytes int64
	// Window is the time over which reports are grouped. Default: one minute.
	// At most one hour.
	Window time.Duration
	// MaxRequests is how many requests are read in a window. Further requests
	// are answered 204 and reported as a number. Default: 600. At most
	// 1,000,000.
	MaxRequests int
	// MaxClientRequests is how many of them one client may send, so that it
	// does not use up those of the others. A client is an IPv4 address, or the
	// /48 of an IPv6 one. Behind a proxy it is known by the TrustedProxies of
	// [bulwark.Edge]; without them all clients are one. Default: a tenth of
	// MaxRequests, and at least 1. At most MaxRequests.
	MaxClientRequests int
	// MaxGroups is how many kinds of violations are told apart in a window.
	// Further violations are reported as a number, but for some whose document
	// is at the BaseURL of [bulwark.Edge] or at the host of the request: a
	// tenth of MaxGroups more, and a third of this tenth from one client.
	// Default: 100. At most 10,000.
	MaxGroups int
	// MaxClientGroups is how many of them may be from one client. Default: a
	// tenth of MaxGroups, and at least 1. At most MaxGroups.
	MaxClientGroups int
}

// ReportsHandler returns a handler for what browsers report about violations of
// a policy: by report-uri (application/csp-report, CSP Level 2) and by
// report-to (application/reports+json, Reporting API). Each body is read for
// what it is, under either type, and text that is not UTF-8 is read as browsers
// read it. Of a list the first hundred reports are read; further reports, and
// reports that cannot be read, are counted. Serve it to POST at the URL in
// [Config.Endpoints], without authentication. Where pages of other origins
// report to it, put it behind a cors layer.
//
// Violations of the same directive, document and blocked URL are one kind. The
// first of a kind is a malicious_csp_violation event at once. If there are
// more, a second event has their count when the window ends. The rule of the
// event is the directive. The handler keeps neither samples of scripts nor the
// query, the fragment and the user of a URL, because they may hold secrets.
// Anybody can send reports, and browser extensions cause many: a report is a
// hint and not a proof.
//
// The answer to a report is 204. A body that is not a report is 400, 413 or
// 415, and a body that takes longer than 10 seconds is 408. Every mistake is
// reported at once, each as a [*bulwark.ConfigError].
func ReportsHandler(c Reports) (http.Handler, error) {
	faults := fault.In("headers")
	bound := func(field string, value, standard, most int64) int64 {
		if value < 0 || value > most {
			faults.Add("Reports."+field, strconv.FormatInt(value, 10), "must be between 1 and "+strconv.FormatInt(most, 10)+", or 0 for the default")
		}
		if value == 0 {
			return standard
		}
		return value
	}
	shared := func(all string, allValue int, standard, most int64, client string, clientValue int) bounds {
		n := bound(all, int64(allValue), standard, most)
		return bounds{int(n), int(bound(client, int64(clientValue), max(n/10, 1), max(n, 1)))}
	}
	kinds := shared("MaxGroups", c.MaxGroups, 100, 10_000, "MaxClientGroups", c.MaxClientGroups)
	reserve := max(kinds.all/10, 1)
	h := &receiver{
		groups: &groups{
			window:   time.Duration(bound("Window", int64(c.Window), int64(time.Minute), int64(time.Hour))),
			requests: shared("MaxRequests", c.MaxRequests, 600, 1_000_000, "MaxClientRequests", c.MaxClientRequests),
			kinds:    kinds,
			reserve:  bounds{reserve, (reserve + 2) / 3},
		},
		limits: body.Limits{
			Max:        bound("MaxBodyBytes", c.MaxBodyBytes, 64<<10, 1<<20),
			MediaTypes: []string{cspReport, reportsJSON},
			Raw:        true,
			Timeout:    10 * time.Second,
		},
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return h, nil
}

const (
	cspReport   = "application/csp-report"
	reportsJSON = "application/reports+json"
)

// receiver is what ReportsHandler returns.
type receiver struct {
	groups *groups
	limits body.Limits
}

func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		bulwark.Deny(w, r, methodProblem(http.MethodPost))
		return
	}
	r, scope := bulwark.Enter(r)
	if !h.groups.admit(r) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	r, read, err := body.Read(w, r, h.limits)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	if read.Empty() {
		bulwark.Deny(w, r, body.Required())
		return
	}
	violations, unread, ok := violationsIn(read.Bytes())
	if !ok {
		bulwark.Deny(w, r, notAReport())
		return
	}
	for _, v := range violations {
		h.groups.count(r, v, v.of(scope.BaseURL()) || v.of(scope.Origin()))
	}
	h.groups.skip(r, unread)
	w.WriteHeader(http.StatusNoContent)
}

func notAReport() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "headers.report",
		Detail: "The body is not a report of a browser, or a list of reports."}
}
