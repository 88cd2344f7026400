package headers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers"
)

// from sends a violation of a document by a client.
func from(h http.Handler, client, document, blocked string) {
	body := fmt.Sprintf(`{"csp-report":{"effective-directive":"script-src","document-uri":%q,"blocked-uri":%q}}`, document, blocked)
	r := httptest.NewRequest("POST", "https://www.example.com/reports", strings.NewReader(body))
	r.Header.Set("Content-Type", cspReport)
	r.RemoteAddr = client
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// behindEdge returns the handler behind an Edge that knows the service's URL.
func behindEdge(t *testing.T, c headers.Reports) (http.Handler, *bulwarktest.Recorder) {
	t.Helper()
	h, err := headers.ReportsHandler(c)
	if err != nil {
		t.Fatal(err)
	}
	rec := new(bulwarktest.Recorder)
	edge := bulwark.Edge{Hosts: []string{"www.example.com"}, BaseURL: "https://www.example.com"}
	return bulwark.Must(bulwark.Chain(edge, rec)).Wrap(h), rec
}

const (
	ours    = "https://www.example.com/page"
	theirs  = "https://shop.example/page"
	genuine = "https://evil.example/x.js"
)

// Whatever the clients of one network send, what others tell is told.
func TestCaseHc7NobodyDrownsTheRest(t *testing.T) {
	for _, test := range []struct {
		name     string
		attacker func(i int) string
		client   string
	}{
		{"ipv4", func(i int) string { return fmt.Sprintf("192.0.2.1:%d", 1024+i) }, "192.0.2.2:1"},
		{"ipv6", func(i int) string { return fmt.Sprintf("[2001:db8:0:%x::%x]:1", i, i) }, "[2001:db8:1::1]:1"},
		{"mapped", func(i int) string { return fmt.Sprintf("[::ffff:192.0.2.1]:%d", 1024+i) }, "192.0.2.2:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, rec := behindEdge(t, headers.Reports{})
				for i := range 1000 {
					from(h, test.attacker(i), theirs, fmt.Sprintf("https://x.example/%d", i))
				}
				if got := len(rec.Take()); got != 10 {
					t.Errorf("%d events of one client at once, want 10", got)
				}
				from(h, test.client, theirs, genuine)
				if got := rec.Take(); len(got) != 1 || !strings.Contains(told(got[0]), "script-src 0 document="+theirs+" blocked="+genuine) {
					t.Errorf("the genuine violation is told as %+v", got)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				counts := map[string]int{}
				for _, e := range rec.Take() {
					counts[e.Reason] += e.Count
				}
				if counts["headers.csp_violations_ungrouped"] != 50 || counts["headers.csp_reports_unread"] != 940 || len(counts) != 2 {
					t.Errorf("counted %v, want 50 violations and 940 requests", counts)
				}
			})
		})
	}
}

// One request with many kinds is one client, too.
func TestCaseHc7ManyKindsInOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rec := behindEdge(t, headers.Reports{})
		var items []string
		for i := range 150 {
			items = append(items, fmt.Sprintf(`{"type":"csp-violation","body":{"documentURL":"https://a.example/","effectiveDirective":"img-src","blockedURL":"https://x.example/%d"}}`, i))
		}
		r := httptest.NewRequest("POST", "https://www.example.com/", strings.NewReader("["+strings.Join(items, ",")+"]"))
		r.Header.Set("Content-Type", reportsJSON)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got := len(rec.Take()); got != 10 {
			t.Errorf("%d events at once, want 10", got)
		}
		from(h, "192.0.2.200:1", theirs, genuine)
		if got := rec.Take(); len(got) != 1 {
			t.Errorf("the genuine violation is told as %+v", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		counts := map[string]int{}
		for _, e := range rec.Take() {
			counts[e.Reason] += e.Count
		}
		if counts["headers.csp_violations_ungrouped"] != 90 || counts["headers.csp_reports_unread"] != 50 {
			t.Errorf("counted %v, want 90 and 50", counts)
		}
	})
}

// Of what is beyond the bounds, the first violations of our own pages are told.
func TestCaseHc7OwnDocumentsOfTheSurplus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rec := behindEdge(t, headers.Reports{})
		for client := range 10 { // together they use up all kinds
			for i := range 10 {
				from(h, fmt.Sprintf("192.0.2.%d:1", client), theirs, fmt.Sprintf("https://x.example/%d/%d", client, i))
			}
		}
		if got := len(rec.Take()); got != 100 {
			t.Fatalf("%d events at once, want 100", got)
		}
		for _, document := range []string{theirs, "https://www.example.com.evil.example/", "https://www.example.community/", "http://www.example.com/page"} {
			if from(h, "198.51.100.1:1", document, genuine); len(rec.Take()) != 0 {
				t.Errorf("a violation of %s is told", document)
			}
		}
		for i := range 9 {
			from(h, "198.51.100.2:1", ours, fmt.Sprintf("https://y.example/%d", i))
		}
		if got := len(rec.Take()); got != 4 {
			t.Errorf("%d events of our pages from one client, want 4", got)
		}
		from(h, "198.51.100.3:1", ours, genuine)
		if got := rec.Take(); len(got) != 1 || !strings.Contains(told(got[0]), "document="+ours+" blocked="+genuine) {
			t.Errorf("the genuine violation is told as %+v", got)
		}
		if from(h, "198.51.100.4:1", "https://example.com/page", genuine); len(rec.Take()) != 0 {
			t.Error("a violation at another of our names is told")
		}
		for client := range 20 {
			from(h, fmt.Sprintf("203.0.113.%d:1", client), ours, fmt.Sprintf("https://z.example/%d", client))
		}
		if got := len(rec.Take()); got != 5 {
			t.Errorf("%d more events, want 5: ten in all", got)
		}
		time.Sleep(time.Hour)
	})
}

// Requests that are not read have a bound for each client, too, and all clients
// have one together.
func TestCaseHc7Requests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rec := behindEdge(t, headers.Reports{MaxRequests: 20, MaxClientRequests: 5, MaxGroups: 1000})
		for client := range 5 {
			for i := range 10 {
				from(h, fmt.Sprintf("192.0.2.%d:1", client), ours, fmt.Sprintf("https://x.example/%d/%d", client, i))
			}
		}
		if got := len(rec.Take()); got != 20 {
			t.Errorf("%d events at once, want 20", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := rec.Take(); len(got) != 1 || got[0].Reason != "headers.csp_reports_unread" || got[0].Count != 30 {
			t.Errorf("events are %+v, want 30 unread", got)
		}
	})
}
