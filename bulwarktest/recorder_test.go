package bulwarktest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func reasons(events []bulwark.Event) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.Reason)
	}
	return all
}

// Events keeps what it returns, Take forgets it, and neither hands out what is
// recorded later.
func TestEventsAndTake(t *testing.T) {
	var events bulwarktest.Recorder
	report := func(reason string) {
		events.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Reason: reason})
	}
	if got := events.Events(); len(got) != 0 {
		t.Errorf("an unused Recorder has %v", got)
	}
	report("a")
	report("b")
	kept := events.Events()
	kept[0].Reason = "changed by the test"
	if got := reasons(events.Events()); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Events %v", got)
	}
	taken := events.Take()
	report("c")
	if got := reasons(taken); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Take %v", got)
	}
	if got := reasons(events.Take()); !slices.Equal(got, []string{"c"}) {
		t.Errorf("the next Take %v", got)
	}
}

// The Recorder in a chain takes the events of requests that run at once.
func TestRecorderInAChain(t *testing.T) {
	var events bulwarktest.Recorder
	handler := bulwark.Must(bulwark.Chain(&events)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "test.closed"})
	}))
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
	}
	group.Wait()
	for _, e := range events.Events() {
		if e.Name != bulwark.AuthzFail || e.Status != http.StatusForbidden || e.Reason != "test.closed" {
			t.Errorf("event %+v", e)
		}
	}
	if n := len(events.Events()); n != 20 {
		t.Errorf("%d events", n)
	}
}
