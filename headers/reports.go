package headers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
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
	// MaxGroups is how many kinds of violations are told apart in a window.
	// Further violations are reported as a number. Default: 100. At most
	// 10,000.
	MaxGroups int
}

// ReportsHandler returns a handler for what browsers report about violations of
// a policy: by report-uri (application/csp-report, CSP Level 2) and by
// report-to (application/reports+json, Reporting API). Serve it to POST at the
// URL in [Config.Endpoints], without authentication. Where pages of other
// origins report to it, put it behind a cors layer.
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
	h := &receiver{
		groups: &groups{
			window: time.Duration(bound("Window", int64(c.Window), int64(time.Minute), int64(time.Hour))),
			max:    int(bound("MaxGroups", int64(c.MaxGroups), 100, 10_000)),
			busy:   int(bound("MaxRequests", int64(c.MaxRequests), 600, 1_000_000)),
		},
		limits: body.Limits{
			Max:        bound("MaxBodyBytes", c.MaxBodyBytes, 64<<10, 1<<20),
			MediaTypes: []string{cspReport, reportsJSON},
			JSON:       reportLimits,
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

// reportLimits bound what is decoded. Browsers put up to a hundred reports into
// a request.
var reportLimits = jsondoc.Limits{Depth: 8, Keys: 5000, Items: 100}

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
	r, _ = bulwark.Enter(r)
	if !h.groups.admit(r) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	r, read, err := body.Read(w, r, h.limits)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	violations, err := violationsIn(read)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	for _, v := range violations {
		h.groups.count(r, v)
	}
	w.WriteHeader(http.StatusNoContent)
}

// violationsIn finds the violations in a body of either type.
func violationsIn(read *body.Body) ([]violation, error) {
	if read.Empty() {
		return nil, body.Required()
	}
	if read.MediaType() == reportsJSON {
		return fromReports(read)
	}
	limits := reportLimits
	limits.Bytes = len(read.Bytes())
	value, err := jsondoc.DecodeValue(read.Bytes(), limits)
	if err != nil {
		return nil, notAReport(err)
	}
	outer, _ := value.(map[string]any)
	report, ok := outer["csp-report"].(map[string]any)
	if !ok {
		return nil, notAReport(nil)
	}
	return []violation{violationOf(report, "effective-directive", "document-uri", "blocked-uri", "source-file", "line-number")}, nil
}

// fromReports reads a list of reports of any kind. Those of other kinds, such
// as deprecations, are not violations and pass unseen.
func fromReports(read *body.Body) ([]violation, error) {
	value, _ := read.Value()
	list, ok := value.([]any)
	if !ok {
		return nil, notAReport(nil)
	}
	var found []violation
	for _, item := range list {
		report, ok := item.(map[string]any)
		if !ok {
			return nil, notAReport(nil)
		}
		if inner, ok := report["body"].(map[string]any); ok && report["type"] == "csp-violation" {
			found = append(found, violationOf(inner, "effectiveDirective", "documentURL", "blockedURL", "sourceFile", "lineNumber"))
		}
	}
	return found, nil
}

func notAReport(cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "headers.report",
		Detail: "The body is no report of its media type.", Err: cause}
}
