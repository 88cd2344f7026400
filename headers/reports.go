package headers

import (
	"cmp"
	"errors"
	"fmt"
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
	// Window is the time over which reports are grouped. Default: 1 minute. At
	// most 1 hour.
	Window time.Duration
	// MaxRequests is how many requests are read in a window. Further requests
	// are answered 204, and one event has their number. Default: 600. At most
	// 1,000,000.
	MaxRequests int
	// MaxClientRequests is how many of these requests one client may send, so
	// that one client does not use up the requests of the others. A client is
	// an IPv4 address, or an IPv6 /48. Behind a proxy, set TrustedProxies of
	// [bulwark.Edge]: without them all clients count as one. Default: a tenth
	// of MaxRequests, and at least 1. At most MaxRequests.
	MaxClientRequests int
	// MaxGroups is how many kinds of violations are told apart in a window. One
	// event has the number of all further violations. Pages of the service
	// itself have additional room: a tenth of MaxGroups, and a third of this
	// tenth for one client. Such a page is at the BaseURL of [bulwark.Edge] or
	// at the host of the request. Default: 100. At most 10,000.
	MaxGroups int
	// MaxClientGroups is how many of these kinds one client may report.
	// Default: a tenth of MaxGroups, and at least 1. At most MaxGroups.
	MaxClientGroups int
}

// ReportsHandler returns a handler that receives the reports of browsers about
// violations of a policy. Serve it to POST at the URL in [Config.Endpoints],
// without authentication:
//
//	headers.Config{
//		CSP:       headers.CSP{ReportTo: "csp"},
//		Endpoints: map[string]string{"csp": "/reports/csp"},
//	}
//
//	reports, err := headers.ReportsHandler(headers.Reports{})
//	…
//	mux.Handle("POST /reports/csp", reports)
//
// If pages of other origins report to the handler, put it behind a cors layer.
//
// The handler takes both formats: application/csp-report of report-uri (CSP
// Level 2), and application/reports+json of report-to (Reporting API). The
// content of the body decides which format it is, and not the media type. Text
// that is not UTF-8 is read as browsers do. The handler reads the first hundred
// reports of a list. It only counts further reports, and reports that it cannot
// read.
//
// Violations of the same directive, document and blocked URL are one kind. The
// first violation of a kind is a malicious_csp_violation event at once. If more
// violations of this kind follow, a second event has their count when the
// window ends. The rule of the event is the directive, such as script-src,
// which is the field ScriptSrc of [CSP]. The attribute "disposition" is enforce
// for [Config.CSP] and report for [Config.ReportOnly]. The reasons of the
// events are:
//
//	headers.csp_violation             a kind of violation
//	headers.csp_violations_ungrouped  kinds beyond MaxGroups
//	headers.csp_reports_unread        requests beyond MaxRequests or
//	                                  MaxClientRequests, unreadable reports
//
// The handler does not keep samples of scripts. It does not keep the query, the
// fragment and the user of a URL. All of these may hold secrets. Anybody can
// send reports, and browser extensions cause many: a report is a hint and not a
// proof.
//
// The answer to a report is 204. A body that is not a report is 400, 413 or
// 415. A body that takes longer than 10 seconds is 408. Every mistake in c is
// returned at once, each as a [*bulwark.ConfigError].
func ReportsHandler(c Reports) (http.Handler, error) {
	faults := fault.In("headers")
	bound := func(field string, value, standard, most int64) int64 {
		if value < 0 || value > most {
			faults.Add("Reports."+field, strconv.FormatInt(value, 10), fmt.Sprintf("must be 1 to %d, or 0 for the default of %d", most, standard))
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
	if c.Window < 0 || c.Window > time.Hour {
		faults.Add("Reports.Window", c.Window.String(), "must be more than zero and at most 1h, or 0 for the default of 1m; write for example time.Minute")
	}
	kinds := shared("MaxGroups", c.MaxGroups, 100, 10_000, "MaxClientGroups", c.MaxClientGroups)
	reserve := max(kinds.all/10, 1)
	h := &receiver{
		groups: &groups{
			window:   cmp.Or(c.Window, time.Minute),
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

// receiver is the handler that ReportsHandler returns.
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

var errReport = errors.New("a report has an object csp-report or an object body, and a list has such reports")

func notAReport() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "headers.report",
		Detail: "The body is not a report of a browser, or a list of reports.", Err: errReport}
}
